"""The values that pass between stages. All are frozen, and independent of the stages that make and read them.

Frames of reference: a *box* is ``[x1, y1, x2, y2]`` with the origin at the top left, normalised to the frame (0..1), float32.
"Tensor coordinates" are the same, normalised to the model's input instead. Times are monotonic nanoseconds.
"""

from edged.types.box_decoding import BoxDecoding
from edged.types.colour import FULL_BT601, LIMITED_BT601, ColourMatrix, ColourSpace
from edged.types.detections import F32, I32, UNNAMED_LABELS, Detections, label_of
from edged.types.frame import Fit, Frame, PixelFormat, Tensor
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

__all__ = [
    "F32",
    "FULL_BT601",
    "I32",
    "LIMITED_BT601",
    "UNNAMED_LABELS",
    "BoxDecoding",
    "Channels",
    "ColourMatrix",
    "ColourSpace",
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
