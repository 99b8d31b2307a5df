"""The vision worker: cameras in threads, a model on the main thread, observations out.

It holds everything that can abort or hang a process: native decoders, the interpreter, delegates. So it keeps no state worth
saving: when it dies it is replaced. ``python -m edged.vision.worker.main FD`` expects its `VisionJob` as the first packet;
a `WorkerPlan` can follow at any time, and is carried out while the cameras go on (`edged.vision.worker.model_switch`).
"""

import logging
import os
import socket
import sys
import threading

import cv2
import msgspec

from edged import logs
from edged.clock import NS_PER_S, Clock, SystemClock
from edged.config.codec import decode_path
from edged.errors import EdgedError, InvokeError, ModelError, PacketError, WorkerError
from edged.interfaces import Camera, Resumable
from edged.ipc import child
from edged.registry import CAMERAS, load_driver
from edged.types import Detections, Frame
from edged.vision.camera_process.driver import IsolatedCamera
from edged.vision.messages import (
    CameraJob,
    ObservedFrame,
    VisionJob,
    WorkerFault,
    WorkerPlan,
    WorkerReport,
)
from edged.vision.packets import FROM_WORKER, TO_WORKER, SentByWorker
from edged.vision.trial_messages import MAX_REASON_CHARS
from edged.vision.worker.capture import Capture
from edged.vision.worker.counters import FrameCounters
from edged.vision.worker.faults import classify_error
from edged.vision.worker.model_switch import ModelSwitcher
from edged.vision.worker.plans import PlanMailbox
from edged.vision.worker.runners import ModelRunner, WorkerContext
from edged.vision.worker.slots import FrameSlots
from edged.vision.worker.stages import FrameResult, InferencePipeline

_log = logging.getLogger(__name__)

CAMERAS_STOP_TIMEOUT_S = 0.5
"""The whole daemon ends in under 2 s."""
MAX_CONSECUTIVE_FAILURES = 3


class VisionWorker:
    """One model at a time, and the cameras that share it."""

    def __init__(self, job: VisionJob, channel: socket.socket, clock: Clock) -> None:
        """Open nothing yet.

        Args:
            job: the cameras, and the first plan.
            channel: the channel to the supervisor.
            clock: the clock of all times.
        """
        self._job = job
        self._channel = channel
        self._clock = clock
        names = [camera.name for camera in job.cameras]
        self._slots = FrameSlots(names)
        self._counters = FrameCounters(names, clock)
        self._mailbox = PlanMailbox()
        self._camera_indices = {name: index for index, name in enumerate(names)}
        self._switcher = ModelSwitcher(
            job.plan,
            mailbox=self._mailbox,
            context=WorkerContext(
                pipeline=InferencePipeline(names, clock),
                camera_indices=self._camera_indices,
                send=self._send,
            ),
            clock=clock,
        )
        self._parent_closed = threading.Event()
        self.has_running_thread = False
        """After `run`: True if a thread is still in a runtime or a driver, which nothing can interrupt."""

    def run(self) -> None:
        """Load the model, then run inference on the cameras' frames until the supervisor closes its end.

        Raises:
            ModelError: the model cannot be loaded, or its outputs are nonsense.
            InvokeError: the interpreter fails again and again.
            RegistryError: no such runtime, family or camera driver, or its library is not installed.
            WorkerError: a camera's driver hangs beyond its own timeouts, or both models of a trial fail again and again.
        """
        threading.Thread(target=self._receive_plans, name="supervisor", daemon=True).start()
        self._switcher.load_initial_model()
        captures = [self._make_capture(camera) for camera in self._job.cameras]
        for capture in captures:
            capture.start()
        try:
            self._run_loop(captures)
        finally:
            for capture in captures:
                capture.stop(CAMERAS_STOP_TIMEOUT_S / len(captures))
            self.has_running_thread = self._switcher.is_loading
            self._switcher.close()

    def _run_loop(self, captures: list[Capture]) -> None:
        interval_s = self._job.report_interval_s
        report_due_ns = 0
        while not self._parent_closed.is_set():
            self._switcher.step()
            runner = self._switcher.runner
            if runner is None:
                self._switcher.wait(interval_s)  # meanwhile the newest frame waits as well
            elif (frame := self._slots.take(interval_s)) is not None:
                self._infer(runner, frame)
            if self._clock.monotonic_ns() >= report_due_ns:
                reports = tuple(self._counters.make_camera_report(capture) for capture in captures)
                self._send(WorkerReport(cameras=reports))
                report_due_ns = self._clock.monotonic_ns() + int(interval_s * NS_PER_S)

    def _infer(self, runner: ModelRunner, frame: Frame) -> None:
        try:
            result = runner.infer(frame)
        except (InvokeError, ModelError, WorkerError) as error:
            self._counters.count_failed(frame)
            _log.warning("camera %s, frame %d: %s", frame.camera, frame.seq, error)
            if self._counters.consecutive_failures >= MAX_CONSECUTIVE_FAILURES:
                raise
            return
        self._counters.count_inferred(frame)
        self._send(_make_observation(self._camera_indices[frame.camera], result))
        runner.run_shadow(result)

    def _make_capture(self, camera: CameraJob) -> Capture:
        return Capture(
            _make_camera(camera, self._clock),
            name=camera.name,
            slots=self._slots,
            clock=self._clock,
        )

    def _send(self, message: SentByWorker) -> None:
        try:
            self._channel.send(FROM_WORKER.encode(message))
        except OSError:
            self._parent_closed.set()

    def _receive_plans(self) -> None:
        """Take the supervisor's plans until it closes its end."""
        while True:
            try:
                packet = self._channel.recv(TO_WORKER.max_bytes)
                if not packet:
                    break
                plan = TO_WORKER.decode(packet)
            except OSError:
                break
            except PacketError as error:
                _log.error("the supervisor sent %s", error)
                continue
            if isinstance(plan, WorkerPlan):
                logs.set_level(plan.log_level)
                self._mailbox.put(plan)
        self._parent_closed.set()


def _make_camera(job: CameraJob, clock: Clock) -> Camera:
    driver = load_driver(CAMERAS, job.source)
    settings = msgspec.json.decode(job.driver_settings, type=driver.Settings, dec_hook=decode_path)
    camera: Camera = driver(job.name, settings, clock)
    if job.isolation == "process":
        camera = IsolatedCamera(
            job.name, settings, clock, source=job.source, driver_max_open_s=camera.max_open_s
        )
    if isinstance(camera, Resumable):
        camera.resume_at(job.resume_at)
    return camera


def _make_observation(camera: int, result: FrameResult) -> ObservedFrame[Detections]:
    prepared, inference = result.prepared_frame, result.inference
    frame = prepared.frame
    return ObservedFrame(
        camera=camera,
        frame_seq=frame.seq,
        captured_ns=frame.captured_ns,
        received_ns=frame.received_ns,
        width=frame.width,
        height=frame.height,
        wait_ns=prepared.wait_ns,
        encode_ns=prepared.prepare_ns + inference.encode_ns,
        invoke_ns=inference.invoke_ns,
        decode_ns=inference.decode_ns,
        net_frame_ns=inference.net_frame_ns,
        net_invoke_ns=inference.net_invoke_ns,
        moving=prepared.moving,
        detections=result.detections,
    )


def main(argv: list[str]) -> int:
    """Run a vision worker; return its exit code, which is for people: the supervisor has got the reason.

    Raises:
        PacketError: the supervisor sent an invalid job.
    """
    child.bind_lifetime_to_parent()
    cv2.setNumThreads(1)  # more threads only evict the interpreter's caches
    code = 0
    with child.adopt_socket(int(argv[1])) as channel:
        job = _receive_job(channel)
        logs.configure(job.plan.log_level)
        worker = VisionWorker(job, channel, SystemClock())
        try:
            worker.run()
        except EdgedError as error:
            fault = WorkerFault(kind=classify_error(error), reason=str(error)[:MAX_REASON_CHARS])
            channel.send(FROM_WORKER.encode(fault))
            code = 1
    if worker.has_running_thread:
        logging.shutdown()
        # A thread that returns from C++ into a Python that has ended aborts the process, and leaves a core dump.
        os._exit(code)
    return code


def _receive_job(channel: socket.socket) -> VisionJob:
    job = TO_WORKER.decode(channel.recv(TO_WORKER.max_bytes))
    if not isinstance(job, VisionJob):
        raise PacketError(f"the first message is a {type(job).__name__}, not a VisionJob")
    return job


if __name__ == "__main__":
    sys.exit(main(sys.argv))
