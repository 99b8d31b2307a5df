"""Frames for tests, and how detections are compared: by overlap, never by index."""

from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from edged.model.load import Model
from edged.scene.geometry import iou_matrix
from edged.types import Detections, Frame, PixelFormat


def frame(
    pixels: NDArray[np.uint8],
    layout: PixelFormat = PixelFormat.BGR24,
    *,
    width: int = 0,
    height: int = 0,
) -> Frame:
    """A frame of these pixels; the size is the array's unless it is padded or planar."""
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
    """A picture file as a frame."""
    pixels = cv2.imread(str(path), cv2.IMREAD_COLOR)
    assert pixels is not None, path
    return frame(np.asarray(pixels, np.uint8))


def run_inference(model: Model, picture: Frame, min_score: float) -> Detections:
    """What a model sees in a picture."""
    tensor = model.encoder(picture)
    outputs = model.interpreter.invoke(tensor.array)
    return model.family.decode(outputs, tensor.fit, min_score=min_score)


def best_iou(found: Detections, box: list[float]) -> float:
    """The best overlap of any detection with a box; 0.0 if there are none."""
    if not len(found):
        return 0.0
    return float(iou_matrix(found.boxes, np.array([box], np.float32)).max())
