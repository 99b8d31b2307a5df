"""One run of a vision worker, seen from the supervisor, and what the supervisor learns of it."""

from collections.abc import Callable
from dataclasses import dataclass

from edged.event_loop import EventLoop
from edged.ipc.watched_child import WatchedChild
from edged.vision.messages import FromWorker, ToWorker, VisionJob, WorkerPlan
from edged.vision.newest import LiveCameras, find_superseded
from edged.vision.packets import FROM_WORKER, TO_WORKER
from edged.vision.picture_messages import PictureRequest
from edged.vision.spare_workers import WORKER_MODULE, SpareWorkers

MAX_MESSAGES = 512
"""Messages read in one pass of the loop: more than a socket holds (about 280, with Linux' default buffer of 208 KiB)."""
MAX_LOSSLESS = 32
"""Observations of lossless cameras read in one pass: some 10 ms of work on a Pi. The others wait in the socket, and their worker with them."""


@dataclass(frozen=True, slots=True)
class WorkerMessage:
    """A message from a vision worker.

    Attributes:
        worker: number of the worker.
        run: tells the worker's successive processes apart.
        message: the message.
        is_superseded: the message is an observation of a live camera, of which a newer one waits already.
    """

    worker: int
    run: int
    message: FromWorker
    is_superseded: bool = False


@dataclass(frozen=True, slots=True)
class WorkerExited:
    """The end of a vision worker's process.

    Attributes:
        worker: number of the worker.
        run: tells the worker's successive processes apart.
        reason: how it ended, for example ``was killed by SIGSEGV``.
    """

    worker: int
    run: int
    reason: str


class VisionProcess:
    """The process of one run of a worker."""

    def __init__(
        self,
        job: VisionJob,
        *,
        worker: int,
        run: int,
        loop: EventLoop,
        spares: SpareWorkers,
        on_message: Callable[[WorkerMessage], object],
        on_exit: Callable[[WorkerExited], object],
    ) -> None:
        """Start the process.

        Args:
            job: its cameras and its first plan.
            worker: number of the worker.
            run: number of this run.
            loop: the supervisor's loop.
            spares: processes that have no job yet; if there is none, one is started.
            on_message: called with each message, from a callback of the loop.
            on_exit: called at last.

        Raises:
            WorkerError: no process can be started.
            PacketError: the job is too large.
        """
        self._worker = worker
        self._run = run
        self._on_message = on_message
        self._live = LiveCameras(job.camera_names)
        self._child: WatchedChild[ToWorker, FromWorker] = WatchedChild.start(
            WORKER_MODULE,
            loop=loop,
            take_spawned=spares.take,
            sent=TO_WORKER,
            received=FROM_WORKER,
            first_message=job,
        )
        self._child.watch(self._read, lambda reason: on_exit(WorkerExited(worker, run, reason)))

    @property
    def pid(self) -> int:
        """The worker's process id."""
        return self._child.pid

    @property
    def has_unread(self) -> bool:
        """Whether the worker has sent something that was not read yet."""
        return self._child.has_unread

    def send_plan(self, plan: WorkerPlan) -> None:
        """Send a plan; if the process has ended, its successor starts with it.

        Raises:
            PacketError: the plan is too large.
        """
        self._child.send(plan)

    def request_picture(self, request: PictureRequest) -> bool:
        """Ask for a picture; return False if the worker cannot take the request now."""
        return self._child.try_send(request)

    def request_stop(self) -> None:
        """Ask the worker to close its cameras and to end."""
        self._child.request_stop()

    def kill(self) -> None:
        """Send SIGKILL, which ends a hung process as well."""
        self._child.kill()

    def _read(self) -> None:
        """Read what the worker has sent, and hand it on: of each live camera only the newest observation is to be processed."""
        messages: list[FromWorker] = []
        lossless_count = 0
        while len(messages) < MAX_MESSAGES and lossless_count < MAX_LOSSLESS:
            message = self._child.read()
            if message is None:
                break
            messages.append(message)
            lossless_count += self._live.add(message)
        superseded = find_superseded(messages, self._live) if len(messages) > 1 else ()
        for index, message in enumerate(messages):
            self._on_message(WorkerMessage(self._worker, self._run, message, index in superseded))
