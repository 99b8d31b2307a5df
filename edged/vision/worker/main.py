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
from edged.registry import CAMERAS, load_driver
from edged.scene.motion import MotionDetector
from edged.types import Frame
from edged.vision import messages as protocol
from edged.vision.camera_process.driver import IsolatedCamera
from edged.vision.messages import CameraJob, Observation, VisionJob, WorkerFault
from edged.vision.worker.capture import Capture
from edged.vision.worker.counters import FrameCounters
from edged.vision.worker.masks import MaskPainter
from edged.vision.worker.model_switch import ModelSwitcher
from edged.vision.worker.plans import PlanMailbox
from edged.vision.worker.runners import ModelRunner, WorkerContext
from edged.vision.worker.slots import FrameSlots
from edged.vision.worker.stages import CameraStages, FrameResult, InferencePipeline

_log = logging.getLogger(__name__)

CAMERAS_STOP_TIMEOUT_S = 0.5
"""The whole daemon ends in under 2 s."""
MAX_CONSECUTIVE_FAILURES = 3


class VisionWorker:
    """One model at a time, and the cameras that share it."""

    def __init__(self, job: VisionJob, channel: socket.socket, clock: Clock) -> None:
        self._job = job
        self._channel = channel
        self._clock = clock
        names = [camera.name for camera in job.cameras]
        self._slots = FrameSlots(names)
        self._counters = FrameCounters(names, clock)
        self._mailbox = PlanMailbox()
        self._context = WorkerContext(
            pipeline=InferencePipeline(_make_camera_stages(job), clock),
            camera_indices={name: index for index, name in enumerate(names)},
            send=self._send,
        )
        self._parent_closed = threading.Event()
        self.has_running_thread = False
        """After its end: a thread is still in a runtime or a driver, and cannot be told to stop."""

    def run(self) -> None:
        """Load the model, then look through the cameras until the supervisor closes its end.

        Raises:
            ModelError: the model cannot be loaded, or gives nonsense.
            InvokeError: the interpreter fails again and again.
            WorkerError: a camera's driver hangs beyond its own timeouts.
        """
        threading.Thread(target=self._receive_plans, name="supervisor", daemon=True).start()
        swap = ModelSwitcher(
            self._job.plan, mailbox=self._mailbox, context=self._context, clock=self._clock
        )
        captures = [self._make_capture(camera) for camera in self._job.cameras]
        for capture in captures:
            capture.start()
        try:
            self._run_loop(swap, captures)
        finally:
            for capture in captures:
                capture.stop(CAMERAS_STOP_TIMEOUT_S / len(captures))
            self.has_running_thread = swap.is_loading
            swap.close()

    def _run_loop(self, switcher: ModelSwitcher, captures: list[Capture]) -> None:
        report_due_ns = 0
        while not self._parent_closed.is_set():
            switcher.step()
            if switcher.runner is None:
                switcher.wait(
                    self._job.report_interval_s
                )  # meanwhile the newest frame waits as well
            elif (frame := self._slots.take(self._job.report_interval_s)) is not None:
                self._infer(switcher.runner, frame)
            if self._clock.monotonic_ns() >= report_due_ns:
                reports = tuple(self._counters.make_report(capture) for capture in captures)
                self._send(protocol.WorkerReport(cameras=reports))
                report_due_ns = self._clock.monotonic_ns() + int(
                    self._job.report_interval_s * NS_PER_S
                )

    def _infer(self, runner: ModelRunner, frame: Frame) -> None:
        try:
            sight = runner.infer(frame)
        except (InvokeError, ModelError) as error:
            self._counters.count_failed(frame)
            _log.warning("camera %s, frame %d: %s", frame.camera, frame.seq, error)
            if self._counters.consecutive_failures >= MAX_CONSECUTIVE_FAILURES:
                raise
            return
        self._counters.count_inferred(frame)
        self._send(_make_observation(self._context.camera_indices[frame.camera], sight))
        runner.run_shadow(sight)

    def _make_capture(self, camera: CameraJob) -> Capture:
        return Capture(
            _make_camera(camera, self._clock),
            name=camera.name,
            slots=self._slots,
            clock=self._clock,
        )

    def _send(self, message: protocol.FromWorker) -> None:
        try:
            self._channel.send(protocol.pack(message))
        except OSError:
            self._parent_closed.set()

    def _receive_plans(self) -> None:
        """Take the supervisor's plans until it closes its end."""
        while True:
            try:
                packet = self._channel.recv(protocol.MAX_PACKET_BYTES)
                if not packet:
                    break
                self._mailbox.put(protocol.unpack_plan(packet))
            except OSError:
                break
            except msgspec.MsgspecError as error:
                _log.error("the supervisor sent a plan that is none: %s", error)
        self._parent_closed.set()


def _make_camera(job: CameraJob, clock: Clock) -> Camera:
    driver = load_driver(CAMERAS, job.source)
    settings = msgspec.json.decode(job.driver_settings, type=driver.Settings, dec_hook=decode_path)
    if job.isolation == "process":
        return IsolatedCamera(job.name, settings, clock, source=job.source)
    camera: Camera = driver(job.name, settings, clock)
    return camera


def _make_camera_stages(job: VisionJob) -> Mapping[str, CameraStages]:
    return {
        camera.name: CameraStages(masks=MaskPainter(camera.masks), motion=MotionDetector())
        for camera in job.cameras
    }


def _make_observation(camera: int, result: FrameResult) -> Observation:
    prepared, look = result.prepared_frame, result.inference
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
        detections=result.detections,
    )


def main(argv: list[str]) -> int:
    """Be a vision worker; the exit code is for people, the reason went to the supervisor."""
    child.bind_lifetime_to_parent()
    cv2.setNumThreads(1)  # more threads only evict the interpreter's caches
    code = 0
    with child.adopt_socket(int(argv[1])) as channel:
        job = protocol.unpack_job(channel.recv(protocol.MAX_PACKET_BYTES))
        logs.configure(job.log_level)
        worker = VisionWorker(job, channel, SystemClock())
        try:
            worker.run()
        except EdgedError as error:
            channel.send(
                protocol.pack(WorkerFault(kind=_classify_error(error), reason=str(error)[:4096]))
            )
            code = 1
    if worker.has_running_thread:
        logging.shutdown()
        # A thread that comes back from C++ into a Python that has ended aborts the process, and leaves a core.
        os._exit(code)
    return code


def _classify_error(error: EdgedError) -> Any:
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
