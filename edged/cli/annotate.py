"""Drawing of a model's detections into a copy of a picture."""

import colorsys
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from edged.errors import ConfigError
from edged.selftest.messages import ReportedDetection

_FONT = cv2.FONT_HERSHEY_SIMPLEX
_FONT_SCALE_PER_PX = 0.0011
"""Font scale per pixel of the picture's shorter side."""
_HUE_STEP = 0.618
"""Hue step between labels, as a fraction of the colour circle; the golden ratio keeps similar labels apart."""
_DARK, _LIGHT = (0, 0, 0), (255, 255, 255)
_LUMA_BGR = (0.114, 0.587, 0.299)
"""Weights of luma by ITU-R BT.601, in the order of OpenCV's channels."""
_BRIGHT_LUMA = 140


def check_output_path(out: Path) -> None:
    """Check that a picture can be written to a path, before any work is done.

    Raises:
        ConfigError: the folder does not exist, or the suffix is not an image format.
    """
    if not out.parent.is_dir():
        raise ConfigError(f"cannot write {out}: the folder {out.parent} does not exist")
    if not cv2.haveImageWriter(str(out)):
        raise ConfigError(f"cannot write {out}: name it .jpg, .png, .bmp or .webp")


def draw_detections(detections: tuple[ReportedDetection, ...], image: Path, out: Path) -> None:
    """Write a copy of the picture with the boxes and labels of the detections.

    Args:
        detections: boxes as fractions of the picture, best first.
        image: the picture.
        out: the copy; its suffix selects the format.

    Raises:
        ConfigError: the picture cannot be read, or the copy cannot be written.
    """
    picture = cv2.imread(str(image), cv2.IMREAD_COLOR)
    if picture is None:
        raise ConfigError(f"cannot read {image} as a picture")
    canvas = np.asarray(picture, np.uint8)
    for detection in reversed(detections):  # the best one is drawn last, on top
        _draw_detection(canvas, detection)
    _write_picture(canvas, out)


def _write_picture(canvas: NDArray[np.uint8], out: Path) -> None:
    try:
        written = cv2.imwrite(str(out), canvas)
    except cv2.error as error:
        raise ConfigError(f"cannot write {out}: {error.err}") from error
    if not written:
        raise ConfigError(f"cannot write {out}: check the permissions of {out.parent}")


def _draw_detection(canvas: NDArray[np.uint8], detection: ReportedDetection) -> None:
    height, width = canvas.shape[:2]
    scale = max(0.35, _FONT_SCALE_PER_PX * min(width, height))
    line = max(1, round(2 * scale))
    sides = np.array([width, height, width, height])
    x1, y1, x2, y2 = (int(side) for side in np.rint(np.array(detection.box) * sides))
    colour = _colour_bgr(detection.label)
    cv2.rectangle(canvas, (x1, y1), (x2, y2), colour, line)
    text = f"{detection.label} {detection.score:.2f}"
    (text_width, text_height), base = cv2.getTextSize(text, _FONT, scale, line)
    top = max(0, y1 - text_height - base - line)
    left = max(0, min(x1, width - text_width))
    bottom = top + text_height + base + line
    cv2.rectangle(canvas, (left, top), (left + text_width, bottom), colour, cv2.FILLED)
    ink = _DARK if np.dot(colour, _LUMA_BGR) > _BRIGHT_LUMA else _LIGHT
    cv2.putText(canvas, text, (left, bottom - base), _FONT, scale, ink, line, cv2.LINE_AA)


def _colour_bgr(label: str) -> tuple[int, int, int]:
    """Return the colour of a label, which depends on its text alone."""
    hue = sum(label.encode()) * _HUE_STEP % 1.0
    red, green, blue = colorsys.hsv_to_rgb(hue, 0.85, 0.95)
    return round(blue * 255), round(green * 255), round(red * 255)
