"""What the workers say of their plans, and to whom that still matters; their processes are stand-ins."""

from collections.abc import Iterator
from pathlib import Path
from queue import SimpleQueue

import pytest

from edged.cameras.synthetic import SyntheticSettings
from edged.config.settings import CameraSettings, ModelSettings, Settings
from edged.daemon.inbox import Inbox
from edged.daemon.vision_service import VisionService
from edged.health import Conditions
from edged.messaging.contract.header import Identity, Stamper
from edged.messaging.open_outbox import open_outbox
from edged.publishers.jsonl import JsonlPublisher
from edged.vision.active_model import ActiveModel
from edged.vision.messages import (
    CandidateFailure,
    FromWorker,
    ModelReady,
    Observation,
    PlanDeclined,
    ShadowComparison,
    VisionJob,
    WorkerPlan,
)
from edged.vision.pool import WorkerLoss
from edged.vision.worker_events import WorkerMessage
from support.clock import FakeClock

OLD = ActiveModel(settings=ModelSettings(path=Path("/old.tflite")))
NEW = ActiveModel(
    settings=ModelSettings(path=Path("/new.tflite")), name="marks@2", shadow=OLD.settings
)


class IdleWorkerProcess:
    """A process that does nothing, and keeps its plans."""

    pid = 4711

    def __init__(self, job: VisionJob) -> None:
        self.plans = [job.plan]

    def send_plan(self, plan: WorkerPlan) -> None:
        self.plans.append(plan)

    def request_stop(self) -> None:
        pass

    def kill(self) -> None:
        pass

    def join(self, timeout_s: float = 0.0) -> bool:  # noqa: ARG002 - the protocol has it
        return True


class RecordingListener:
    """Keeps what it is told."""

    def __init__(self) -> None:
        self.messages: list[PlanDeclined | CandidateFailure | ShadowComparison] = []

    def on_ready(self, ready: ModelReady) -> None:
        pass

    def on_observation(self, seen: Observation) -> None:
        pass

    def on_plan_message(self, message: PlanDeclined | CandidateFailure | ShadowComparison) -> None:
        self.messages.append(message)

    def on_worker_lost(self, loss: WorkerLoss) -> None:
        pass


class SingleCameraService(VisionService):
    """A lookout of one camera."""

    worker_process: IdleWorkerProcess

    def _launch(self, job: VisionJob, worker: int, run: int) -> IdleWorkerProcess:  # type: ignore[override] # a stand-in
        del worker, run
        self.worker_process = IdleWorkerProcess(job)
        return self.worker_process

    def receive(self, message: FromWorker) -> None:
        self.on_worker_message(WorkerMessage(0, 1, message))


@pytest.fixture
def listener() -> RecordingListener:
    return RecordingListener()


@pytest.fixture
def service(tmp_path: Path, listener: RecordingListener) -> Iterator[SingleCameraService]:
    clock = FakeClock()
    stamper = Stamper(Identity(device="d", boot="b", session="s"), clock, lambda: "synced")
    settings = Settings(
        publisher=("jsonl", JsonlPublisher.Settings(path=tmp_path / "messages.jsonl")),
        camera={"a": CameraSettings(source="synthetic", driver=SyntheticSettings())},
    )
    inbox: Inbox = SimpleQueue()
    outbox = open_outbox(
        settings, stamper=stamper, state_dir=tmp_path, clock=clock, notify=inbox.put
    )
    post = SingleCameraService(
        settings,
        OLD,
        inbox=inbox,
        outbox=outbox,
        conditions=Conditions(),
        stamper=stamper,
        clock=clock,
        listener=listener,
    )
    post.tick()
    yield post
    outbox.close(0.1)


def test_a_worker_is_sent_each_new_active_model_once(service: SingleCameraService) -> None:
    for choice in (OLD, NEW, NEW, OLD):
        service.set_active_model(choice)
    assert [(plan.number, plan.model) for plan in service.worker_process.plans] == [
        (0, OLD.settings),
        (1, NEW.settings),
        (2, OLD.settings),
    ]


def test_messages_of_an_outdated_plan_are_ignored(
    service: SingleCameraService, listener: RecordingListener
) -> None:
    service.set_active_model(NEW)
    late: list[PlanDeclined | CandidateFailure | ShadowComparison] = [
        PlanDeclined(plan=1, reason="it saw nothing"),
        CandidateFailure(kind="flood", plan=1, camera=0, frame_seq=1, reason="too many"),
        ShadowComparison(
            plan=1, camera=0, frame_seq=1, both=1, only_new=0, only_old=0, new_ns=1, old_ns=1
        ),
    ]
    for message in late:
        service.receive(message)
    assert listener.messages == late
    service.set_active_model(OLD)
    for message in late:
        service.receive(message)
    assert listener.messages == late
    service.receive(PlanDeclined(plan=2, reason="it is gone"))
    assert listener.messages[len(late) :] == [PlanDeclined(plan=2, reason="it is gone")]
