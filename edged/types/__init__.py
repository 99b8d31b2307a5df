"""The values that pass between stages. All are frozen, and independent of the stages that make and read them.

Frames of reference: a *box* is ``[x1, y1, x2, y2]`` with the origin at the top left, normalised to the frame (0..1), float32.
"Tensor coordinates" are the same, normalised to the model's input instead. Times are monotonic nanoseconds.

The types that hold arrays are imported when they are first named: the supervisor uses none of them, and runs without numpy.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from edged.types.box_decoding import BoxDecoding
from edged.types.colour import FULL_BT601, LIMITED_BT601, ColourMatrix, ColourSpace
from edged.types.detected_box import Box, DetectedBox
from edged.types.labels import UNNAMED_LABELS, ClassNames, label_of
from edged.types.model import (
    Channels,
    EntryPoint,
    FileMetadata,
    Fitting,
    InputSpec,
    ModelSignature,
    OpInfo,
    PostprocessOptions,
    TensorInfo,
)

if TYPE_CHECKING:
    from edged.types.detections import F32, I32, Detections
    from edged.types.frame import Fit, Frame, PixelFormat, Tensor

_ARRAY_TYPES = {
    "F32": "edged.types.detections",
    "I32": "edged.types.detections",
    "Detections": "edged.types.detections",
    "Fit": "edged.types.frame",
    "Frame": "edged.types.frame",
    "PixelFormat": "edged.types.frame",
    "Tensor": "edged.types.frame",
}
"""The modules of the names that need numpy."""

__all__ = [
    "F32",
    "FULL_BT601",
    "I32",
    "LIMITED_BT601",
    "UNNAMED_LABELS",
    "Box",
    "BoxDecoding",
    "Channels",
    "ClassNames",
    "ColourMatrix",
    "ColourSpace",
    "DetectedBox",
    "Detections",
    "EntryPoint",
    "FileMetadata",
    "Fit",
    "Fitting",
    "Frame",
    "InputSpec",
    "ModelSignature",
    "OpInfo",
    "PixelFormat",
    "PostprocessOptions",
    "Tensor",
    "TensorInfo",
    "label_of",
]


def __getattr__(name: str) -> Any:
    """Import and return a type that holds arrays.

    Raises:
        AttributeError: there is no such name here.
    """
    if name not in _ARRAY_TYPES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(_ARRAY_TYPES[name]), name)
