"""One turn of the inference loop: the newest frame in, what was seen in it out."""

from collections.abc import Mapping
from dataclasses import dataclass

from edged.clock import Clock
from edged.model.load import Model
from edged.scene.motion import MotionDetector, luma
from edged.types import Detections, Frame
from edged.vision.worker.masks import MaskPainter


@dataclass(frozen=True, slots=True, kw_only=True)
class CameraStages:
    """What the inference loop keeps for one camera, whichever model looks.

    Attributes:
        masks: burns the privacy masks in.
        motion: knows the camera's background.
    """

    masks: MaskPainter
    motion: MotionDetector


@dataclass(frozen=True, slots=True, kw_only=True)
class PreparedFrame:
    """A frame that a model may look at: masked in place, and judged for motion.

    Attributes:
        frame: its pixels are not what the camera gave any more.
        moving: whether the picture moved.
        wait_ns: from `Frame.received_ns` until it was taken.
        prepare_ns: for masks and motion.
    """

    frame: Frame
    moving: bool
    wait_ns: int
    prepare_ns: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Inference:
    """What one model saw in one frame, and how long each stage took in nanoseconds."""

    detections: Detections
    encode_ns: int
    invoke_ns: int
    decode_ns: int

    @property
    def total_ns(self) -> int:
        """Of the three stages."""
        return self.encode_ns + self.invoke_ns + self.decode_ns


@dataclass(frozen=True, slots=True, kw_only=True)
class FrameResult:
    """What is told of one frame.

    Attributes:
        prepared_frame: the frame.
        inference: at it; its times, and all that the model was asked for.
        detections: those of the look that are of use to anybody.
    """

    prepared_frame: PreparedFrame
    inference: Inference
    detections: Detections


class InferencePipeline:
    """Masks, motion, encode, invoke and decode, in this order, on one thread."""

    def __init__(self, camera_stages: Mapping[str, CameraStages], clock: Clock) -> None:
        self._camera_stages = camera_stages
        self._clock = clock

    def prepare(self, frame: Frame) -> PreparedFrame:
        """Make a frame ready to be looked at, once, however many models look; its pixels are masked in place."""
        view = self._camera_stages[frame.camera]
        taken_ns = self._clock.monotonic_ns()
        view.masks.paint(frame)
        moving = view.motion.update(luma(frame), frame.captured_ns)
        return PreparedFrame(
            frame=frame,
            moving=moving,
            wait_ns=taken_ns - frame.received_ns,
            prepare_ns=self._clock.monotonic_ns() - taken_ns,
        )

    def infer(self, model: Model, prepared_frame: PreparedFrame, min_score: float) -> Inference:
        """Run a prepared frame through a model.

        Args:
            model: nobody else uses it meanwhile.
            prepared_frame: the frame; it stays as it is.
            min_score: detections below it are left out.

        Raises:
            InvokeError: the interpreter failed.
            ModelError: the outputs are nonsense.
        """
        now_ns = self._clock.monotonic_ns
        began_ns = now_ns()
        tensor = model.encoder(prepared_frame.frame)
        encoded_ns = now_ns()
        outputs = model.interpreter.invoke(tensor.array)
        invoked_ns = now_ns()
        detections = model.family.decode(outputs, tensor.fit, min_score=min_score)
        return Inference(
            detections=detections,
            encode_ns=encoded_ns - began_ns,
            invoke_ns=invoked_ns - encoded_ns,
            decode_ns=now_ns() - invoked_ns,
        )
