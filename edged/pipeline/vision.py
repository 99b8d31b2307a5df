"""One turn of the inference loop: the newest frame in, one observation out."""

from collections.abc import Mapping
from dataclasses import dataclass

from edged.clock import Clock
from edged.motion import MotionDetector, luma
from edged.pipeline.masks import MaskPainter
from edged.pipeline.model import Model
from edged.types import Detections, Frame


@dataclass(frozen=True, slots=True, kw_only=True)
class View:
    """What the inference loop keeps for one camera.

    Attributes:
        masks: burns the privacy masks in.
        motion: knows the camera's background.
        min_score: detections below it are of no use to anybody.
    """

    masks: MaskPainter
    motion: MotionDetector
    min_score: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Sight:
    """What was seen in one frame, and how long each stage took in nanoseconds."""

    frame: Frame
    detections: Detections
    moving: bool
    wait_ns: int
    encode_ns: int
    invoke_ns: int
    decode_ns: int


class Vision:
    """Masks, motion, encode, invoke and decode, in this order, on one thread."""

    def __init__(self, model: Model, views: Mapping[str, View], clock: Clock) -> None:
        self._model = model
        self._views = views
        self._clock = clock

    def look(self, frame: Frame) -> Sight:
        """Run one frame through the model; its pixels are masked in place.

        Raises:
            InvokeError: the interpreter failed.
            ModelError: the outputs are nonsense.
        """
        now_ns = self._clock.monotonic_ns
        model, view = self._model, self._views[frame.camera]
        taken_ns = now_ns()
        view.masks.paint(frame)
        moving = view.motion.update(luma(frame), frame.captured_ns).moving
        tensor = model.encoder(frame)
        encoded_ns = now_ns()
        outputs = model.interpreter.invoke(tensor.array)
        invoked_ns = now_ns()
        detections = model.family.decode(outputs, tensor.fit, min_score=view.min_score)
        return Sight(
            frame=frame,
            detections=detections,
            moving=moving,
            wait_ns=taken_ns - frame.received_ns,
            encode_ns=encoded_ns - taken_ns,
            invoke_ns=invoked_ns - encoded_ns,
            decode_ns=now_ns() - invoked_ns,
        )
