"""One turn of the inference loop: the newest frame in, what was seen in it out."""

from collections.abc import Mapping
from dataclasses import dataclass

from edged.clock import Clock
from edged.model.load import Model
from edged.scene.motion import MotionDetector, luma
from edged.types import Detections, Frame
from edged.vision.worker.masks import MaskPainter


@dataclass(frozen=True, slots=True, kw_only=True)
class View:
    """What the inference loop keeps for one camera, whichever model looks.

    Attributes:
        masks: burns the privacy masks in.
        motion: knows the camera's background.
    """

    masks: MaskPainter
    motion: MotionDetector


@dataclass(frozen=True, slots=True, kw_only=True)
class Prepared:
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
class Look:
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
class Sight:
    """What is told of one frame.

    Attributes:
        prepared: the frame.
        look: at it; its times, and all that the model was asked for.
        detections: those of the look that are of use to anybody.
    """

    prepared: Prepared
    look: Look
    detections: Detections


class Vision:
    """Masks, motion, encode, invoke and decode, in this order, on one thread."""

    def __init__(self, views: Mapping[str, View], clock: Clock) -> None:
        self._views = views
        self._clock = clock

    def prepare(self, frame: Frame) -> Prepared:
        """Make a frame ready to be looked at, once, however many models look; its pixels are masked in place."""
        view = self._views[frame.camera]
        taken_ns = self._clock.monotonic_ns()
        view.masks.paint(frame)
        moving = view.motion.update(luma(frame), frame.captured_ns).moving
        return Prepared(
            frame=frame,
            moving=moving,
            wait_ns=taken_ns - frame.received_ns,
            prepare_ns=self._clock.monotonic_ns() - taken_ns,
        )

    def look(self, model: Model, prepared: Prepared, min_score: float) -> Look:
        """Run a prepared frame through a model.

        Args:
            model: nobody else uses it meanwhile.
            prepared: the frame; it stays as it is.
            min_score: detections below it are left out.

        Raises:
            InvokeError: the interpreter failed.
            ModelError: the outputs are nonsense.
        """
        now_ns = self._clock.monotonic_ns
        began_ns = now_ns()
        tensor = model.encoder(prepared.frame)
        encoded_ns = now_ns()
        outputs = model.interpreter.invoke(tensor.array)
        invoked_ns = now_ns()
        detections = model.family.decode(outputs, tensor.fit, min_score=min_score)
        return Look(
            detections=detections,
            encode_ns=encoded_ns - began_ns,
            invoke_ns=invoked_ns - encoded_ns,
            decode_ns=now_ns() - invoked_ns,
        )
