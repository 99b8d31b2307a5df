"""The stages of inference: masks, motion, encode, invoke and decode, for one frame after the other."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from edged.clock import Clock
from edged.config.settings import Polygon
from edged.scene.motion import MotionDetector, luma
from edged.types import Detections, Frame
from edged.vision.worker.loading import LoadedModel
from edged.vision.worker.masks import MaskPainter
from edged.vision.worker.net_time import NetTime


@dataclass(frozen=True, slots=True, kw_only=True)
class PreparedFrame:
    """A frame that is ready for inference: masked in place, and checked for motion.

    Attributes:
        frame: the frame; its pixels are masked.
        moving: True if something moved in the picture.
        wait_ns: time from `Frame.received_ns` until the frame was taken.
        prepare_ns: time for masks and motion.
    """

    frame: Frame
    moving: bool
    wait_ns: int
    prepare_ns: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Inference:
    """One run of one model on one frame.

    Attributes:
        detections: normalised to the frame.
        encode_ns: time to make the model's input.
        invoke_ns: time in the interpreter.
        decode_ns: time to read the model's outputs.
        net_frame_ns: net time of the three stages together.
        net_invoke_ns: net time in the interpreter.
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


@dataclass(frozen=True, slots=True, kw_only=True)
class FrameResult:
    """The result of one frame.

    Attributes:
        prepared_frame: the frame.
        inference: its inference, with every detection that the model was asked for.
        detections: the detections to report.
    """

    prepared_frame: PreparedFrame
    inference: Inference
    detections: Detections


class InferencePipeline:
    """Masks, motion, encode, invoke and decode, in this order, on one thread; the cameras' state outlives a change of model."""

    def __init__(self, cameras: Sequence[str], clock: Clock) -> None:
        self._clock = clock
        self._net_time = NetTime(clock)
        self._motion_detectors = {name: MotionDetector() for name in cameras}
        self._mask_polygons: dict[str, Sequence[Polygon]] = {}
        self._mask_painters: dict[str, MaskPainter] = {}

    def set_masks(self, masks: Mapping[str, Sequence[Polygon]]) -> None:
        """Mask every frame that is prepared from now on with these polygons, given by camera."""
        for camera, polygons in masks.items():
            if self._mask_polygons.get(camera) != polygons:
                self._mask_painters[camera] = MaskPainter(polygons)
        self._mask_polygons = dict(masks)

    def prepare(self, frame: Frame) -> PreparedFrame:
        """Mask a frame in place and check it for motion; once, however many models run on it."""
        taken_ns = self._clock.monotonic_ns()
        if painter := self._mask_painters.get(frame.camera):
            painter.paint(frame)
        moving = self._motion_detectors[frame.camera].update(luma(frame), frame.captured_ns)
        return PreparedFrame(
            frame=frame,
            moving=moving,
            wait_ns=taken_ns - frame.received_ns,
            prepare_ns=self._clock.monotonic_ns() - taken_ns,
        )

    def infer(
        self, loaded_model: LoadedModel, prepared_frame: PreparedFrame, min_score: float
    ) -> Inference:
        """Run a model on a prepared frame.

        Args:
            loaded_model: used by this thread alone.
            prepared_frame: the frame, which is not changed.
            min_score: detections below it are left out.

        Raises:
            InvokeError: the interpreter failed.
            ModelError: the outputs are nonsense.
        """
        model = loaded_model.model
        now_ns, net_ns = self._clock.monotonic_ns, self._net_time.counter(loaded_model.settings)
        began_ns, net_began_ns = now_ns(), net_ns()
        tensor = model.encoder(prepared_frame.frame)
        encoded_ns, net_encoded_ns = now_ns(), net_ns()
        outputs = model.interpreter.invoke(tensor.array)
        invoked_ns, net_invoked_ns = now_ns(), net_ns()
        detections = model.family.decode(outputs, tensor.fit, min_score=min_score)
        return Inference(
            detections=detections,
            encode_ns=encoded_ns - began_ns,
            invoke_ns=invoked_ns - encoded_ns,
            decode_ns=now_ns() - invoked_ns,
            net_frame_ns=net_ns() - net_began_ns,
            net_invoke_ns=net_invoked_ns - net_encoded_ns,
        )
