"""The vision worker: cameras in threads, a model on the main thread, observations out.

It holds all that can abort or hang a process: native decoders, the interpreter, delegates. So it keeps no state worth
saving: when it dies it is replaced, and goes on. ``python -m edged.vision.worker.main FD`` expects its `VisionJob` as the first packet;
a `Plan` may follow at any time, and is carried out beside the cameras (`edged.vision.worker.model_switch`).
"""

import logging
import os
import socket
import sys
import threading
from collections.abc import Mapping
from typing import Any

import cv2
import msgspec

from edged import logs
from edged.clock import NS_PER_S, Clock, SystemClock
from edged.config.codec import decode_path
from edged.errors import DelegateError, EdgedError, InvokeError, ModelError
from edged.interfaces import Camera
from edged.ipc import child
from edged.registry import CAMERAS, load
from edged.scene.motion import MotionDetector
from edged.types import Frame
from edged.vision import messages as protocol
from edged.vision.camera_process.driver import IsolatedCamera
from edged.vision.messages import CameraJob, Fault, Observation, VisionJob
from edged.vision.worker.capture import Capture
from edged.vision.worker.counters import Tally
from edged.vision.worker.masks import MaskPainter
from edged.vision.worker.model_switch import Swap
from edged.vision.worker.plans import PlanBox
from edged.vision.worker.runners import Observer, Scope
from edged.vision.worker.slots import Slots
from edged.vision.worker.stages import Sight, View, Vision

_log = logging.getLogger(__name__)

CAMERAS_STOP_S = 0.5
"""The whole daemon ends in under 2 s."""
MAX_FAILURES_IN_A_ROW = 3


class VisionWorker:
    """One model at a time, and the cameras that share it."""

    def __init__(self, job: VisionJob, channel: socket.socket, clock: Clock) -> None:
        self._job = job
        self._channel = channel
        self._clock = clock
        names = [camera.name for camera in job.cameras]
        self._slots = Slots(names)
        self._tally = Tally(names, clock)
        self._plans = PlanBox()
        self._scope = Scope(
            vision=Vision(_views(job), clock),
            cameras={name: index for index, name in enumerate(names)},
            say=self._say,
        )
        self._parent_is_gone = threading.Event()
        self.leaves_a_thread = False
        """After its end: a thread is still in a runtime or a driver, and cannot be told to stop."""

    def run(self) -> None:
        """Load the model, then look through the cameras until the supervisor closes its end.

        Raises:
            ModelError: the model cannot be loaded, or gives nonsense.
            InvokeError: the interpreter fails again and again.
            WorkerError: a camera's driver hangs beyond its own timeouts.
        """
        threading.Thread(target=self._listen, name="supervisor", daemon=True).start()
        swap = Swap(self._job.plan, plans=self._plans, scope=self._scope, clock=self._clock)
        captures = [self._capture(camera) for camera in self._job.cameras]
        for capture in captures:
            capture.start()
        try:
            self._look(swap, captures)
        finally:
            for capture in captures:
                capture.stop(CAMERAS_STOP_S / len(captures))
            self.leaves_a_thread = swap.loading
            swap.close()

    def _look(self, swap: Swap, captures: list[Capture]) -> None:
        report_due_ns = 0
        while not self._parent_is_gone.is_set():
            swap.turn()
            if swap.observer is None:
                swap.wait(self._job.report_interval_s)  # meanwhile the newest frame waits as well
            elif (frame := self._slots.take(self._job.report_interval_s)) is not None:
                self._infer(swap.observer, frame)
            if self._clock.monotonic_ns() >= report_due_ns:
                reports = tuple(self._tally.report(capture) for capture in captures)
                self._say(protocol.Report(cameras=reports))
                report_due_ns = self._clock.monotonic_ns() + int(
                    self._job.report_interval_s * NS_PER_S
                )

    def _infer(self, observer: Observer, frame: Frame) -> None:
        try:
            sight = observer.observe(frame)
        except (InvokeError, ModelError) as error:
            self._tally.failed(frame)
            _log.warning("camera %s, frame %d: %s", frame.camera, frame.seq, error)
            if self._tally.failures_in_a_row >= MAX_FAILURES_IN_A_ROW:
                raise
            return
        self._tally.inferred(frame)
        self._say(_observation(self._scope.cameras[frame.camera], sight))
        observer.reflect(sight)

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

    def _listen(self) -> None:
        """Take the supervisor's plans until it closes its end."""
        while True:
            try:
                packet = self._channel.recv(protocol.MAX_PACKET_BYTES)
                if not packet:
                    break
                self._plans.put(protocol.unpack_plan(packet))
            except OSError:
                break
            except msgspec.MsgspecError as error:
                _log.error("the supervisor sent a plan that is none: %s", error)
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
        camera.name: View(masks=MaskPainter(camera.masks), motion=MotionDetector())
        for camera in job.cameras
    }


def _observation(camera: int, sight: Sight) -> Observation:
    prepared, look = sight.prepared, sight.look
    frame = prepared.frame
    return Observation(
        camera=camera,
        frame_seq=frame.seq,
        captured_ns=frame.captured_ns,
        received_ns=frame.received_ns,
        width=frame.width,
        height=frame.height,
        wait_ns=prepared.wait_ns,
        encode_ns=prepared.prepare_ns + look.encode_ns,
        invoke_ns=look.invoke_ns,
        decode_ns=look.decode_ns,
        moving=prepared.moving,
        detections=sight.detections,
    )


def main(argv: list[str]) -> int:
    """Be a vision worker; the exit code is for people, the reason went to the supervisor."""
    child.live_under_parent()
    cv2.setNumThreads(1)  # more threads only evict the interpreter's caches
    code = 0
    with child.adopt_socket(int(argv[1])) as channel:
        job = protocol.unpack_job(channel.recv(protocol.MAX_PACKET_BYTES))
        logs.configure(job.log_level)
        worker = VisionWorker(job, channel, SystemClock())
        try:
            worker.run()
        except EdgedError as error:
            channel.send(protocol.pack(Fault(kind=_kind(error), reason=str(error)[:4096])))
            code = 1
    if worker.leaves_a_thread:
        logging.shutdown()
        # A thread that comes back from C++ into a Python that has ended aborts the process, and leaves a core.
        os._exit(code)
    return code


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
