"""What the stages of inference hand on. The values are msgspec structs: one is made in a tenth of the time of a frozen dataclass, and there are five a frame."""

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

from edged.types import Detections, Fit, Frame


class PreparedFrame(Struct, frozen=True, kw_only=True, gc=False):
    """A frame that is ready for inference: masked in place, and checked for motion.

    Attributes:
        frame: the frame; its pixels are masked.
        moving: True if something moved in the picture.
        has_changed: True if anything changed in the picture, also if it is too little to be motion.
        wait_ns: time from `Frame.received_ns` until the frame was taken.
        prepare_ns: time for masks and motion.
    """

    frame: Frame
    moving: bool
    has_changed: bool
    wait_ns: int
    prepare_ns: int


class EncodedFrame(Struct, frozen=True, kw_only=True, gc=False):
    """A model's input, made of a prepared frame.

    Attributes:
        array: the input tensor; valid until its encoder is used again.
        fit: how the frame was fitted into it.
        encode_ns: time to make it.
        net_encode_ns: its net time; 0 if it was not measured.
        is_measured: True if the net times of this frame are measured.
    """

    array: NDArray[np.generic]
    fit: Fit
    encode_ns: int
    net_encode_ns: int
    is_measured: bool


class Invocation(Struct, frozen=True, kw_only=True, gc=False):
    """What the interpreter made of one input.

    Attributes:
        outputs: the model's outputs.
        invoke_ns: time in the interpreter.
        net_invoke_ns: its net time; 0 if it was not measured.
    """

    outputs: tuple[NDArray[np.generic], ...]
    invoke_ns: int
    net_invoke_ns: int


class Inference(Struct, frozen=True, kw_only=True, gc=False):
    """One run of one model on one frame.

    Attributes:
        detections: normalised to the frame.
        encode_ns: time to make the model's input.
        invoke_ns: time in the interpreter.
        decode_ns: time to read the model's outputs.
        net_frame_ns: net time of the three stages together; 0 if it was not measured.
        net_invoke_ns: net time in the interpreter; 0 if it was not measured.
    """

    detections: Detections
    encode_ns: int
    invoke_ns: int
    decode_ns: int
    net_frame_ns: int
    net_invoke_ns: int

    @property
    def total_ns(self) -> int:
        """Time of the three stages together."""
        return self.encode_ns + self.invoke_ns + self.decode_ns


class FrameResult(Struct, frozen=True, kw_only=True, gc=False):
    """The result of one frame.

    Attributes:
        prepared_frame: the frame.
        inference: its inference, with every detection that the model was asked for.
        detections: the detections to report.
    """

    prepared_frame: PreparedFrame
    inference: Inference
    detections: Detections


def make_result(
    prepared: PreparedFrame, inference: Inference, decode_score: float, min_score: float
) -> FrameResult:
    """Return the result of one frame, which reports the detections of at least a score.

    Args:
        prepared: the frame.
        inference: its inference.
        decode_score: the lowest score for which the model was asked.
        min_score: the lowest score to report.
    """
    detections = inference.detections
    if decode_score < min_score:
        detections = detections[detections.scores >= np.float32(min_score)]
    return FrameResult(prepared_frame=prepared, inference=inference, detections=detections)
