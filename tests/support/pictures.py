"""Frames for tests, and comparison of detections by overlap, never by index."""

from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from edged.model.load import Model
from edged.scene.box_arrays import iou_matrix
from edged.types import Detections, Frame, PixelFormat


def frame(
    pixels: NDArray[np.uint8],
    layout: PixelFormat = PixelFormat.BGR24,
    *,
    width: int = 0,
    height: int = 0,
) -> Frame:
    """Return a frame of these pixels.

    Args:
        pixels: the picture, uint8.
        layout: how the pixels are stored.
        width: width of the frame; 0 for that of the array, which may be padded.
        height: height of the frame; 0 for that of the array, which may be planar.
    """
    return Frame(
        camera="test",
        seq=0,
        captured_ns=0,
        received_ns=0,
        pixels=pixels,
        format=layout,
        width=width or pixels.shape[1],
        height=height or pixels.shape[0],
    )


def read_frame(path: Path) -> Frame:
    """Read a picture file as a frame."""
    pixels = cv2.imread(str(path), cv2.IMREAD_COLOR)
    assert pixels is not None, path
    return frame(np.asarray(pixels, np.uint8))


def run_inference(model: Model, picture: Frame, min_score: float) -> Detections:
    """Return the detections of a model in a picture."""
    tensor = model.encoder(picture)
    outputs = model.interpreter.invoke(tensor.array)
    return model.family.decode(outputs, tensor.fit, min_score=min_score)


def best_iou(found: Detections, box: list[float]) -> float:
    """Return the best IoU of any detection with a box; 0.0 without detections."""
    if not len(found):
        return 0.0
    return float(iou_matrix(found.boxes, np.array([box], np.float32)).max())
