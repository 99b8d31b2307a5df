"""The vision worker: cameras in threads, a model on the main thread, observations out.

It holds everything that can abort or hang a process: native decoders, the interpreter, delegates. So it keeps no state worth
saving: when it dies it is replaced. ``python -m edged.vision.worker FD`` expects its `VisionJob` as the first packet;
a `WorkerPlan` can follow at any time, and is carried out while the cameras go on (`edged.vision.worker.model_switch`).
"""

import gc
import logging
import os
import select
import socket
import threading
from contextlib import suppress

import cv2
import msgspec

from edged import logs
from edged.clock import Clock, SystemClock
from edged.config.codec import decode_path
from edged.errors import EdgedError, PacketError, RegistryError
from edged.interfaces import Camera, Resumable
from edged.ipc import child
from edged.registry import CAMERAS, FAMILIES, INTERPRETERS, load_driver
from edged.vision.camera_messages import CameraJob
from edged.vision.messages import VisionJob, WorkerFault, WorkerPlan
from edged.vision.packets import TO_WORKER
from edged.vision.picture_messages import PictureRequest
from edged.vision.trial_messages import MAX_REASON_CHARS
from edged.vision.worker.accelerator import AcceleratorThread
from edged.vision.worker.capture import Capture
from edged.vision.worker.channel import SupervisorChannel
from edged.vision.worker.faults import classify_error
from edged.vision.worker.frame_selection import FrameSelection
from edged.vision.worker.inference_loop import InferenceLoop
from edged.vision.worker.model_switch import ModelSwitcher
from edged.vision.worker.pictures import WorkerPictures
from edged.vision.worker.plans import PlanMailbox
from edged.vision.worker.runners import WorkerContext
from edged.vision.worker.slots import FrameSlots
from edged.vision.worker.stages import InferencePipeline

_log = logging.getLogger(__name__)

CAMERAS_STOP_TIMEOUT_S = 0.5
"""The whole daemon ends in under 2 s."""
_ACCELERATOR_STOP_TIMEOUT_S = 0.5
_PICTURE_STOP_TIMEOUT_S = 0.1


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
        self._socket = channel
        self._channel = SupervisorChannel(channel)
        self._clock = clock
        names = [camera.name for camera in job.cameras]
        self._slots = FrameSlots(names)
        self._mailbox = PlanMailbox()
        self._context = WorkerContext(
            pipeline=InferencePipeline(names, clock),
            slots=self._slots,
            selection=FrameSelection(names, self._slots),
            pictures=WorkerPictures(names, clock, on_made=self._slots.interrupt),
            accelerator=AcceleratorThread(clock, on_finished=self._slots.interrupt),
            clock=clock,
            camera_indices={name: index for index, name in enumerate(names)},
            send=self._channel.send,
        )
        self._switcher = ModelSwitcher(job.plan, mailbox=self._mailbox, context=self._context)
        self.has_running_thread = False
        """After `run`: True if a thread is still in a runtime or a driver, which nothing can interrupt."""

    def run(self) -> None:
        """Load the model while the cameras open, then run inference on their frames until the supervisor closes its end.

        Raises:
            ModelError: the model cannot be loaded, or its outputs are nonsense.
            InvokeError: the interpreter fails again and again.
            RegistryError: no such runtime, family or camera driver, or its library is not installed.
            WorkerError: a camera's driver hangs beyond its own timeouts, or both models of a trial fail again and again.
        """
        threading.Thread(target=self._receive, name="supervisor", daemon=True).start()
        model_ready = threading.Event()
        captures = [self._make_capture(camera, model_ready) for camera in self._job.cameras]
        for capture in captures:
            capture.start()
        try:
            self._switcher.load_initial_model()
            model_ready.set()
            gc.freeze()  # a collection of all that the start made takes longer than many a frame
            gc.enable()
            self._make_loop(captures).run()
        finally:
            for capture in captures:
                capture.stop(CAMERAS_STOP_TIMEOUT_S / len(captures))
            is_accelerator_free = self._context.accelerator.close(_ACCELERATOR_STOP_TIMEOUT_S)
            has_picture_ended = self._context.pictures.close(_PICTURE_STOP_TIMEOUT_S)
            self.has_running_thread = (
                self._switcher.is_loading or not is_accelerator_free or not has_picture_ended
            )
            if is_accelerator_free:
                self._switcher.close()

    def report_fault(self, error: EdgedError) -> None:
        """Send why the worker ends, after everything else that it had to say; it waits for the supervisor to read."""
        reason = str(error)[:MAX_REASON_CHARS]
        self._channel.send(WorkerFault(kind=classify_error(error), reason=reason))
        self._channel.wait_until_sent()

    def _make_loop(self, captures: list[Capture]) -> InferenceLoop:
        return InferenceLoop(
            captures=captures,
            slots=self._slots,
            selection=self._context.selection,
            pipeline=self._context.pipeline,
            switcher=self._switcher,
            pictures=self._context.pictures,
            channel=self._channel,
            camera_indices=self._context.camera_indices,
            report_interval_s=self._job.report_interval_s,
            clock=self._clock,
        )

    def _make_capture(self, camera: CameraJob, model_ready: threading.Event) -> Capture:
        driver = _make_driver(camera, self._clock)
        return Capture(
            _isolate(driver, camera, self._clock),
            name=camera.name,
            slots=self._slots,
            clock=self._clock,
            begin=model_ready if isinstance(driver, Resumable) else None,
        )

    def _receive(self) -> None:
        """Take the supervisor's plans and requests until it closes its end."""
        while True:
            try:
                packet = self._socket.recv(TO_WORKER.max_bytes)
                if not packet:
                    break
                message = TO_WORKER.decode(packet)
            except OSError:
                break
            except PacketError as error:
                _log.error("the supervisor sent %s", error)
                continue
            if isinstance(message, WorkerPlan):
                logs.set_level(message.log_level)
                self._mailbox.put(message)
            elif isinstance(message, PictureRequest):
                self._context.pictures.put(message)
        self._channel.is_closed = True


def _make_driver(job: CameraJob, clock: Clock) -> Camera:
    driver = load_driver(CAMERAS, job.source)
    settings = msgspec.json.decode(job.driver_settings, type=driver.Settings, dec_hook=decode_path)
    camera: Camera = driver(job.name, settings, clock)
    if isinstance(camera, Resumable):
        camera.resume_at(job.resume_at)
    return camera


def _isolate(driver: Camera, job: CameraJob, clock: Clock) -> Camera:
    """Return the camera that the job asks for: the driver itself, or a process for it."""
    if job.isolation != "process":
        return driver
    # Most workers have no camera process.
    from edged.vision.camera_process.driver import IsolatedCamera

    settings = msgspec.json.decode(job.driver_settings, type=driver.Settings, dec_hook=decode_path)
    camera = IsolatedCamera(
        job.name, settings, clock, source=job.source, driver_max_open_s=driver.max_open_s
    )
    camera.resume_at(job.resume_at)
    return camera


def main(argv: list[str]) -> int:
    """Run a vision worker; return its exit code, which is for people: the supervisor has got the reason.

    Raises:
        PacketError: the supervisor sent an invalid job.
    """
    child.bind_lifetime_to_parent()
    cv2.setNumThreads(1)  # more threads only evict the interpreter's caches
    code = 0
    with child.adopt_socket(int(argv[1])) as channel:
        _import_usual_drivers(channel)
        job = _receive_job(channel)
        logs.configure(job.plan.log_level)
        worker = VisionWorker(job, channel, SystemClock())
        try:
            worker.run()
        except EdgedError as error:
            worker.report_fault(error)
            code = 1
    if worker.has_running_thread:
        logging.shutdown()
        # A thread that returns from C++ into a Python that has ended aborts the process, and leaves a core dump.
        os._exit(code)
    return code


def _import_usual_drivers(channel: socket.socket) -> None:
    """Import what most models need while there is no job yet, because the supervisor still starts."""
    poll = select.poll()
    poll.register(channel, select.POLLIN)
    for drivers in (INTERPRETERS, FAMILIES):
        if poll.poll(0):
            return
        with suppress(RegistryError):
            driver = load_driver(drivers, next(iter(drivers)))
            if drivers is INTERPRETERS:
                driver.import_runtime()


def _receive_job(channel: socket.socket) -> VisionJob:
    job = TO_WORKER.decode(channel.recv(TO_WORKER.max_bytes))
    if not isinstance(job, VisionJob):
        raise PacketError(f"the first message is a {type(job).__name__}, not a VisionJob")
    return job
