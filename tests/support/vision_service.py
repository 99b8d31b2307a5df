"""A vision service whose workers are stand-ins."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from msgspec.structs import replace

from edged.config.settings import Settings
from edged.daemon.inbox import Inbox
from edged.daemon.picture_files import PictureFiles
from edged.daemon.picture_limits import PictureLimits, limit_examples, limit_objects
from edged.daemon.picture_service import PictureService
from edged.daemon.vision_service import VisionService
from edged.disk_thread import InlineDiskQueue
from edged.event_loop import EventLoop
from edged.health import ConditionReporter, Conditions
from edged.host.files import LocalFileSystem
from edged.messaging.contract.header import Identity, Stamper
from edged.messaging.open_outbox import open_outbox
from edged.pictures.ring import PictureRing
from edged.publishers.jsonl import JsonlPublisher
from edged.vision.active_model import ActiveModel
from edged.vision.messages import (
    FromWorker,
    ModelReady,
    Observation,
    PlanDeclined,
    VisionJob,
    WorkerPlan,
)
from edged.vision.picture_messages import PictureRequest
from edged.vision.process import WorkerExited, WorkerMessage
from edged.vision.spare_workers import SpareWorkers
from edged.vision.trial_messages import CandidateFailure, ShadowComparison
from edged.vision.worker_loss import WorkerLoss
from support.clock import FakeClock
from support.worker_messages import model_ready


class IdleWorkerProcess:
    """A process that does nothing, and keeps its job and its plans; it ends as soon as it is asked to."""

    has_unread = False

    def __init__(
        self,
        job: VisionJob,
        worker: int,
        run: int,
        on_exit: Callable[[WorkerExited], object] = lambda _: None,
    ) -> None:
        self.job = job
        self.worker = worker
        self.run = run
        self.plans = [job.plan]
        self.picture_requests: list[PictureRequest] = []
        self.was_stopped = False
        self._on_exit = on_exit

    @property
    def pid(self) -> int:
        return self.run

    def send_plan(self, plan: WorkerPlan) -> None:
        self.plans.append(plan)

    def request_picture(self, request: PictureRequest) -> bool:
        self.picture_requests.append(request)
        return True

    def request_stop(self) -> None:
        self.kill()

    def kill(self) -> None:
        self.was_stopped = True
        self._on_exit(WorkerExited(self.worker, self.run, "exited with 0"))


class RecordingListener:
    """Keeps what the workers report of their plans."""

    def __init__(self) -> None:
        self.messages: list[PlanDeclined | CandidateFailure | ShadowComparison] = []
        self.losses: list[WorkerLoss] = []
        self.ready: list[ModelReady] = []
        self.observations: list[Observation] = []

    def on_ready(self, ready: ModelReady) -> None:
        self.ready.append(ready)

    def on_observation(self, observation: Observation) -> None:
        self.observations.append(observation)

    def on_plan_message(self, message: PlanDeclined | CandidateFailure | ShadowComparison) -> None:
        self.messages.append(message)

    def on_worker_lost(self, loss: WorkerLoss) -> None:
        self.losses.append(loss)


class IdleVisionService(VisionService):
    """A vision service that starts stand-ins."""

    processes: dict[int, IdleWorkerProcess]
    """The newest process of each worker."""

    def _launch(self, job: VisionJob, worker: int, run: int) -> IdleWorkerProcess:  # type: ignore[override] # a stand-in
        process = IdleWorkerProcess(job, worker, run, self.on_worker_exit)
        self.processes[worker] = process
        return process

    def receive(self, message: FromWorker, worker: int = 0, *, is_superseded: bool = False) -> None:
        """Take a message of a worker."""
        run = self.processes[worker].run
        self.on_worker_message(WorkerMessage(worker, run, message, is_superseded))

    def get_ready(self) -> None:
        """Start what is due, and have every worker that has just been started run its model."""
        before = {process.run for process in self.processes.values()}
        self.tick()
        for worker, process in self.processes.items():
            if process.run not in before:
                self.receive(model_ready(plan=process.plans[-1].number), worker)


@contextmanager
def idle_vision_service(
    settings: Settings,
    active_model: ActiveModel,
    *,
    folder: Path,
    listener: RecordingListener,
    conditions: Conditions | None = None,
    clock: FakeClock | None = None,
) -> Iterator[IdleVisionService]:
    """Yield a vision service that publishes to a file in `folder`."""
    clock, conditions = clock or FakeClock(), conditions or Conditions()
    stamper = Stamper(Identity(device="d", boot="b", session="s"), clock, lambda: "synced")
    loop = EventLoop(clock)
    inbox = Inbox(loop)
    outbox = open_outbox(
        replace(
            settings,
            publisher=("jsonl", JsonlPublisher.Settings(path=folder / "messages.jsonl")),
        ),
        stamper=stamper,
        state_dir=folder,
        clock=clock,
        loop=loop,
        notify=inbox.put,
    )

    def open_files(name: str, limit: Callable[[Settings], PictureLimits]) -> PictureFiles:
        return PictureFiles(
            PictureRing(LocalFileSystem(), folder / name),
            disk=InlineDiskQueue(),
            loop=loop,
            conditions=ConditionReporter(conditions, clock),
            clock=clock,
            limit=limit,
        )

    service = IdleVisionService(
        settings,
        active_model,
        loop=loop,
        spares=SpareWorkers(),
        outbox=outbox,
        conditions=conditions,
        stamper=stamper,
        clock=clock,
        listener=listener,
        pictures=PictureService(
            loop=loop,
            outbox=outbox,
            files=open_files("pictures", limit_objects),
            example_files=open_files("examples", limit_examples),
            stamper=stamper,
            clock=clock,
        ),
    )
    service.processes = {}
    yield service
    outbox.close(0.1)
