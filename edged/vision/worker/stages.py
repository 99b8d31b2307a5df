"""The stages of inference: masks, motion, encode, invoke and decode, for one frame after the other."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from edged.clock import NS_PER_S, Clock
from edged.config.settings import Polygon
from edged.model.encode import Encoder
from edged.model.picture import Crop
from edged.scene.motion import MotionDetector, luma
from edged.types import F32, Frame
from edged.vision.worker.loading import LoadedModel
from edged.vision.worker.masks import MaskPainter
from edged.vision.worker.net_time import NetTime
from edged.vision.worker.stage_results import EncodedFrame, Inference, Invocation, PreparedFrame


class Invoker:
    """The stage that runs the interpreter; it belongs to one thread, because net times are a thread's own."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._net_time = NetTime(clock)

    def invoke(self, loaded_model: LoadedModel, encoded: EncodedFrame) -> Invocation:
        """Run a model on its input.

        Raises:
            InvokeError: the interpreter failed.
        """
        now_ns, invoke = self._clock.monotonic_ns, loaded_model.model.interpreter.invoke
        if not encoded.is_measured:
            began_ns = now_ns()
            outputs = invoke(encoded.array)
            return Invocation(outputs=outputs, invoke_ns=now_ns() - began_ns, net_invoke_ns=0)
        net_ns = self._net_time.counter(loaded_model.settings)
        began_ns, net_began_ns = now_ns(), net_ns()
        outputs = invoke(encoded.array)
        net_invoke_ns = max(net_ns() - net_began_ns, 1)
        return Invocation(
            outputs=outputs, invoke_ns=now_ns() - began_ns, net_invoke_ns=net_invoke_ns
        )


class _Motion(NamedTuple):
    """The last comparison of a camera's picture."""

    compared_ns: int = -NS_PER_S
    is_moving: bool = False
    has_changed: bool = False


_COMPARE_INTERVAL_NS = int(0.09 * NS_PER_S)
"""Between two comparisons for motion, a tenth less than ten a second: what moves is seen early enough, and each costs 0.1 ms."""


class InferencePipeline:
    """Masks, motion, encode, invoke and decode, in this order, on one thread; the cameras' state outlives a change of model.

    `infer` is encode, invoke and decode in one; each of the three can be called alone, so that another thread invokes meanwhile.
    """

    def __init__(self, cameras: Sequence[str], clock: Clock) -> None:
        self._clock = clock
        self._invoker = Invoker(clock)
        self._net_time = NetTime(clock)
        self._motion_detectors = {name: MotionDetector() for name in cameras}
        self._compare_intervals_ns = dict.fromkeys(cameras, _COMPARE_INTERVAL_NS)
        self._motion = dict.fromkeys(cameras, _Motion())
        self._mask_polygons: dict[str, Sequence[Polygon]] = {}
        self._mask_painters: dict[str, MaskPainter] = {}

    def set_masks(self, masks: Mapping[str, Sequence[Polygon]]) -> None:
        """Mask every frame that is prepared from now on with these polygons, given by camera."""
        for camera, polygons in masks.items():
            if self._mask_polygons.get(camera) != polygons:
                self._mask_painters[camera] = MaskPainter(polygons)
        self._mask_polygons = dict(masks)

    def set_idle_intervals(self, intervals_ns: Mapping[str, int]) -> None:
        """Compare each camera's frames for motion at least so often, nanoseconds by camera: all that arrive while its picture is at rest."""
        for camera, interval_ns in intervals_ns.items():
            self._compare_intervals_ns[camera] = min(_COMPARE_INTERVAL_NS, interval_ns)

    def find_changed_areas(self, camera: str) -> F32:
        """Return the areas that had changed when a camera's frame was last compared: (N, 4) float32, normalised to the frame, the largest first."""
        return self._motion_detectors[camera].find_changed_areas()

    def prepare(self, frame: Frame) -> PreparedFrame:
        """Mask a frame in place and check it for motion; once, however many models run on it."""
        taken_ns = self._clock.monotonic_ns()
        if painter := self._mask_painters.get(frame.camera):
            painter.paint(frame)
        motion = self._motion[frame.camera]
        since_ns = frame.captured_ns - motion.compared_ns
        has_changed = False
        if not 0 <= since_ns < self._compare_intervals_ns[frame.camera]:
            motion = self._motion[frame.camera] = self._compare(frame)
            has_changed = motion.has_changed
        return PreparedFrame(
            frame=frame,
            moving=motion.is_moving,
            has_changed=has_changed,
            wait_ns=taken_ns - frame.received_ns,
            prepare_ns=self._clock.monotonic_ns() - taken_ns,
        )

    def encode(
        self,
        loaded_model: LoadedModel,
        prepared_frame: PreparedFrame,
        *,
        is_measured: bool,
        encoder: Encoder | None = None,
        crop: Crop | None = None,
    ) -> EncodedFrame:
        """Make a model's input.

        Args:
            loaded_model: the model.
            prepared_frame: the frame, which is not changed.
            is_measured: True to measure the net times of this frame.
            encoder: makes the input; None for the model's own.
            crop: the part of the frame to encode; None for all of it.
        """
        encode = encoder or loaded_model.model.encoder
        now_ns = self._clock.monotonic_ns
        net_began_ns = self._read_net_ns(loaded_model) if is_measured else 0
        began_ns = now_ns()
        tensor = encode(prepared_frame.frame, crop)
        encode_ns = now_ns() - began_ns
        return EncodedFrame(
            array=tensor.array,
            fit=tensor.fit,
            encode_ns=encode_ns,
            net_encode_ns=self._read_net_ns(loaded_model) - net_began_ns if is_measured else 0,
            is_measured=is_measured,
        )

    def decode(
        self,
        loaded_model: LoadedModel,
        encoded: EncodedFrame,
        invocation: Invocation,
        min_score: float,
    ) -> Inference:
        """Read a model's outputs.

        Args:
            loaded_model: the model.
            encoded: its input.
            invocation: its outputs.
            min_score: detections below it are left out.

        Raises:
            ModelError: the outputs are nonsense.
        """
        now_ns, is_measured = self._clock.monotonic_ns, encoded.is_measured
        net_began_ns = self._read_net_ns(loaded_model) if is_measured else 0
        began_ns = now_ns()
        detections = loaded_model.model.family.decode(
            invocation.outputs, encoded.fit, min_score=min_score
        )
        decode_ns = now_ns() - began_ns
        net_frame_ns = 0
        if is_measured:
            net_decode_ns = self._read_net_ns(loaded_model) - net_began_ns
            net_frame_ns = max(encoded.net_encode_ns + invocation.net_invoke_ns + net_decode_ns, 1)
        return Inference(
            detections=detections,
            encode_ns=encoded.encode_ns,
            invoke_ns=invocation.invoke_ns,
            decode_ns=decode_ns,
            net_frame_ns=net_frame_ns,
            net_invoke_ns=invocation.net_invoke_ns,
        )

    def infer(
        self,
        loaded_model: LoadedModel,
        prepared_frame: PreparedFrame,
        min_score: float,
        *,
        is_measured: bool = True,
        encoder: Encoder | None = None,
        crop: Crop | None = None,
    ) -> Inference:
        """Run a model on a prepared frame.

        Args:
            loaded_model: used by this thread alone.
            prepared_frame: the frame, which is not changed.
            min_score: detections below it are left out.
            is_measured: True to measure net times.
            encoder: makes the input; None for the model's own.
            crop: the part of the frame to run on, to which the detections then refer; None for all of it.

        Raises:
            InvokeError: the interpreter failed.
            ModelError: the outputs are nonsense.
        """
        encoded = self.encode(
            loaded_model, prepared_frame, is_measured=is_measured, encoder=encoder, crop=crop
        )
        invocation = self._invoker.invoke(loaded_model, encoded)
        return self.decode(loaded_model, encoded, invocation, min_score)

    def _compare(self, frame: Frame) -> "_Motion":
        detector = self._motion_detectors[frame.camera]
        is_moving = detector.update(luma(frame), frame.captured_ns)
        return _Motion(frame.captured_ns, is_moving, is_moving or detector.has_changed())

    def _read_net_ns(self, loaded_model: LoadedModel) -> int:
        return self._net_time.counter(loaded_model.settings)()
