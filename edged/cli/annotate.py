"""Drawing of a model's detections into a copy of a picture."""

import colorsys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from edged.errors import ConfigError, PictureError
from edged.pictures.decode import read_picture
from edged.selftest.messages import ReportedDetection

_FONT = cv2.FONT_HERSHEY_SIMPLEX
_FONT_SCALE_PER_PX = 0.0011
"""Font scale per pixel of the picture's shorter side."""
_PX_PER_BOX_LINE = 240
"""Pixels of the picture's shorter side per pixel of a box's line: still seen when the picture is shown small."""
_HUE_STEP = 0.618
"""Hue step between labels, as a fraction of the colour circle; the golden ratio keeps similar labels apart."""
_DARK, _LIGHT = (0, 0, 0), (255, 255, 255)
_LUMA_BGR = (0.114, 0.587, 0.299)
"""Weights of luma by ITU-R BT.601, in the order of OpenCV's channels."""
_BRIGHT_LUMA = 140
_Rectangle = tuple[int, int, int, int]
"""[left, top, right, bottom] in pixels."""


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
    try:
        canvas = read_picture(image)
    except PictureError as error:
        raise ConfigError(str(error)) from error
    style = _Style.for_picture(canvas.shape[1], canvas.shape[0])
    _draw_boxes(canvas, detections, style)
    _draw_labels(canvas, detections, style)
    _write_picture(canvas, out)


def _write_picture(canvas: NDArray[np.uint8], out: Path) -> None:
    try:
        written = cv2.imwrite(str(out), canvas)
    except cv2.error as error:
        raise ConfigError(f"cannot write {out}: {error.err}") from error
    if not written:
        raise ConfigError(f"cannot write {out}: check the permissions of {out.parent}")


@dataclass(frozen=True, slots=True)
class _Style:
    """Sizes for a picture, in pixels: of the letters, and of the lines of boxes and letters."""

    font_scale: float
    box_line: int
    text_line: int

    @classmethod
    def for_picture(cls, width: int, height: int) -> "_Style":
        side = min(width, height)
        scale = max(0.4, _FONT_SCALE_PER_PX * side)
        return cls(
            font_scale=scale,
            box_line=max(2, round(side / _PX_PER_BOX_LINE)),
            text_line=max(1, round(1.5 * scale)),
        )


def _draw_boxes(
    canvas: NDArray[np.uint8], detections: Sequence[ReportedDetection], style: _Style
) -> None:
    for detection in reversed(detections):  # the best one is drawn last, on top
        x1, y1, x2, y2 = _to_pixels(canvas, detection)
        cv2.rectangle(canvas, (x1, y1), (x2, y2), _colour_bgr(detection.label), style.box_line)


def _draw_labels(
    canvas: NDArray[np.uint8], detections: Sequence[ReportedDetection], style: _Style
) -> None:
    """Write the labels over all boxes, the best first, each where it hides no other if there is room."""
    taken: list[_Rectangle] = []
    for detection in detections:
        text = f"{detection.label} {detection.score:.2f}"
        (width, height), base = cv2.getTextSize(text, _FONT, style.font_scale, style.text_line)
        place = _place_label(
            canvas.shape[1::-1], _to_pixels(canvas, detection), (width, height + base), taken
        )
        taken.append(place)
        left, top, right, bottom = place
        colour = _colour_bgr(detection.label)
        cv2.rectangle(canvas, (left, top), (right, bottom), colour, cv2.FILLED)
        ink = _DARK if np.dot(colour, _LUMA_BGR) > _BRIGHT_LUMA else _LIGHT
        origin = (left, bottom - base)
        cv2.putText(
            canvas, text, origin, _FONT, style.font_scale, ink, style.text_line, cv2.LINE_AA
        )


def _place_label(
    frame: Sequence[int], box: _Rectangle, size: tuple[int, int], taken: Sequence[_Rectangle]
) -> _Rectangle:
    """Return the place of a label: above its box, inside it, below it, or further down, where none is yet."""
    width, height = size
    left = max(0, min(box[0], frame[0] - width))
    last = max(0, frame[1] - height)
    tops = (box[1] - height, box[1], box[3], *range(box[1] + height, last + 1, height))
    places = [
        (left, top, left + width, top + height) for top in (max(0, min(y, last)) for y in tops)
    ]
    return next((place for place in places if not _overlaps(place, taken)), places[0])


def _overlaps(place: _Rectangle, taken: Sequence[_Rectangle]) -> bool:
    return any(
        place[0] < other[2] and other[0] < place[2] and place[1] < other[3] and other[1] < place[3]
        for other in taken
    )


def _to_pixels(canvas: NDArray[np.uint8], detection: ReportedDetection) -> _Rectangle:
    height, width = canvas.shape[:2]
    x1, y1, x2, y2 = np.rint(np.array(detection.box) * (width, height, width, height))
    return int(x1), int(y1), int(x2), int(y2)


def _colour_bgr(label: str) -> tuple[int, int, int]:
    """Return the colour of a label, which depends on its text alone."""
    hue = sum(label.encode()) * _HUE_STEP % 1.0
    red, green, blue = colorsys.hsv_to_rgb(hue, 0.85, 0.95)
    return round(blue * 255), round(green * 255), round(red * 255)
