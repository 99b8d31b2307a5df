"""The vision worker: cameras in threads, one interpreter on the main thread, observations out.

It holds all that can abort or hang a process: native decoders, the interpreter, delegates. So it keeps no state worth
saving: when it dies it is replaced, and goes on. ``python -m edged.workers.vision FD`` expects its `VisionJob` as the first packet.
"""

import hashlib
import logging
import socket
import sys
import threading
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

import cv2
import msgspec

from edged import logs
from edged.clock import NS_PER_S, Clock, SystemClock
from edged.config.codec import decode_path
from edged.errors import DelegateError, EdgedError, InvokeError, ModelError, WorkerError
from edged.interfaces import Camera
from edged.motion import MotionDetector
from edged.pipeline.acceptance import accept
from edged.pipeline.capture import Capture
from edged.pipeline.capture_status import CaptureState
from edged.pipeline.masks import MaskPainter
from edged.pipeline.model import Model, load_model
from edged.pipeline.slot import Slots
from edged.pipeline.vision import Sight, View, Vision
from edged.registry import CAMERAS, load
from edged.types import Frame
from edged.workers import child, protocol
from edged.workers.isolated import IsolatedCamera
from edged.workers.protocol import CameraJob, CameraReport, Fault, Observation, Ready, VisionJob

_log = logging.getLogger(__name__)

CAMERAS_STOP_S = 0.5
"""The whole daemon ends in under 2 s."""
DRIVER_HANG_S = 30.0
"""No driver call takes longer by itself: each is given a timeout."""
MAX_FAILURES_IN_A_ROW = 3


class VisionWorker:
    """One interpreter and the cameras that share it."""

    def __init__(self, job: VisionJob, channel: socket.socket, clock: Clock) -> None:
        self._job = job
        self._channel = channel
        self._clock = clock
        self._names = [camera.name for camera in job.cameras]
        self._slots = Slots(self._names)
        self._inferred = dict.fromkeys(self._names, 0)
        self._failed = dict.fromkeys(self._names, 0)
        self._failures_in_a_row = 0
        self._parent_is_gone = threading.Event()

    def run(self) -> None:
        """Load the model, then look through the cameras until the supervisor closes its end.

        Raises:
            ModelError: the model cannot be loaded, or gives nonsense.
            InvokeError: the interpreter fails again and again.
            WorkerError: a camera's driver hangs beyond its own timeouts.
        """
        threading.Thread(target=self._await_end, name="supervisor", daemon=True).start()
        model = load_model(self._job.plan.model)
        accept(model)
        self._say(_introduce(model, self._job.plan.model.file()))
        vision = Vision(model, _views(self._job), self._clock)
        captures = [self._capture(camera) for camera in self._job.cameras]
        for capture in captures:
            capture.start()
        try:
            self._look(vision, captures)
        finally:
            for capture in captures:
                capture.stop(CAMERAS_STOP_S / len(captures))
            model.interpreter.close()

    def _look(self, vision: Vision, captures: list[Capture]) -> None:
        report_due_ns = 0
        while not self._parent_is_gone.is_set():
            frame = self._slots.take(self._job.report_interval_s)
            if frame is not None:
                self._infer(vision, frame)
            if self._clock.monotonic_ns() >= report_due_ns:
                self._report(captures)
                report_due_ns = self._clock.monotonic_ns() + int(
                    self._job.report_interval_s * NS_PER_S
                )

    def _infer(self, vision: Vision, frame: Frame) -> None:
        try:
            sight = vision.look(frame)
        except (InvokeError, ModelError) as error:
            self._failed[frame.camera] += 1
            self._failures_in_a_row += 1
            _log.warning("camera %s, frame %d: %s", frame.camera, frame.seq, error)
            if self._failures_in_a_row >= MAX_FAILURES_IN_A_ROW:
                raise
            return
        self._failures_in_a_row = 0
        self._inferred[frame.camera] += 1
        self._say(_observation(self._names.index(frame.camera), sight))

    def _report(self, captures: list[Capture]) -> None:
        reports = tuple(self._camera_report(capture) for capture in captures)
        self._say(protocol.Report(cameras=reports))

    def _camera_report(self, capture: Capture) -> CameraReport:
        # The counts first: a frame that is captured in between must not look inferred before it was captured.
        name = capture.status.name
        inferred, failed = self._inferred[name], self._failed[name]
        status = capture.status
        in_driver_ns = status.in_driver_since_ns
        if in_driver_ns and self._clock.monotonic_ns() - in_driver_ns > DRIVER_HANG_S * NS_PER_S:
            raise WorkerError(f"the driver of camera {name} hangs")
        settled = status.captured == status.dropped + inferred + failed
        state = status.state
        if state is CaptureState.ENDED and not settled:
            state = CaptureState.RUNNING  # its last frame still waits to be looked at
        info = status.info
        return CameraReport(
            name=name,
            state=state.value,
            reason=status.reason,
            description=info.description if info else "",
            width=info.width if info else 0,
            height=info.height if info else 0,
            fps=info.fps if info else 0.0,
            captured=status.captured,
            dropped=status.dropped,
            inferred=inferred,
            failed=failed,
            reconnects=status.reconnects,
            last_frame_ns=status.last_frame_ns,
        )

    def _capture(self, camera: CameraJob) -> Capture:
        return Capture(
            _make_camera(camera, self._clock),
            name=camera.name,
            slots=self._slots,
            clock=self._clock,
        )

    def _say(self, message: protocol.FromWorker) -> None:
        try:
            self._channel.send(protocol.pack(message))
        except OSError:
            self._parent_is_gone.set()

    def _await_end(self) -> None:
        with suppress(OSError):
            self._channel.recv(1)
        self._parent_is_gone.set()


def _make_camera(job: CameraJob, clock: Clock) -> Camera:
    driver = load(CAMERAS, job.source)
    settings = msgspec.json.decode(job.driver, type=driver.Settings, dec_hook=decode_path)
    if job.isolation == "process":
        return IsolatedCamera(job.name, settings, clock, source=job.source)
    camera: Camera = driver(job.name, settings, clock)
    return camera


def _views(job: VisionJob) -> Mapping[str, View]:
    return {
        camera.name: View(
            masks=MaskPainter(camera.masks), motion=MotionDetector(), min_score=min_score
        )
        for camera, min_score in zip(job.cameras, job.plan.min_scores, strict=True)
    }


def _introduce(model: Model, path: Path) -> Ready:
    with path.open("rb") as file:
        sha256 = hashlib.file_digest(file, "sha256").hexdigest()
    spec = model.family.input
    return Ready(
        model=model.name,
        sha256=sha256,
        family=model.family.name,
        runtime=model.interpreter.runtime,
        delegate=model.interpreter.delegate,
        input_width=spec.width,
        input_height=spec.height,
        labels=model.labels[model.family.class_offset :],
    )


def _observation(camera: int, sight: Sight) -> Observation:
    frame = sight.frame
    return Observation(
        camera=camera,
        frame_seq=frame.seq,
        captured_ns=frame.captured_ns,
        received_ns=frame.received_ns,
        width=frame.width,
        height=frame.height,
        wait_ns=sight.wait_ns,
        encode_ns=sight.encode_ns,
        invoke_ns=sight.invoke_ns,
        decode_ns=sight.decode_ns,
        moving=sight.moving,
        detections=sight.detections,
    )


def main(argv: list[str]) -> int:
    """Be a vision worker; the exit code is for people, the reason went to the supervisor."""
    child.live_under_parent()
    cv2.setNumThreads(1)  # more threads only evict the interpreter's caches
    with child.adopt_socket(int(argv[1])) as channel:
        job = protocol.unpack_job(channel.recv(protocol.MAX_PACKET_BYTES))
        logs.configure(job.log_level)
        try:
            VisionWorker(job, channel, SystemClock()).run()
        except EdgedError as error:
            channel.send(protocol.pack(Fault(kind=_kind(error), reason=str(error)[:4096])))
            return 1
    return 0


def _kind(error: EdgedError) -> Any:
    match error:
        case DelegateError():
            return "delegate"
        case ModelError():
            return "model"
        case InvokeError():
            return "invoke"
        case _:
            return "internal"


if __name__ == "__main__":
    sys.exit(main(sys.argv))
