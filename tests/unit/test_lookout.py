"""What the workers say of their plans, and to whom that still matters; their processes are stand-ins."""

from collections.abc import Iterator
from pathlib import Path
from queue import SimpleQueue

import pytest

from edged.cameras.synthetic import SyntheticCamera
from edged.config.settings import CameraSettings, ModelSettings, Settings
from edged.daemon.inbox import Inbox
from edged.daemon.vision_service import Lookout
from edged.health import Conditions
from edged.messaging.contract.header import Identity, Stamper
from edged.messaging.outbox import open_outbox
from edged.publishers.jsonl import JsonlPublisher
from edged.vision.active_model import Choice
from edged.vision.messages import (
    Compared,
    Declined,
    Faltered,
    FromWorker,
    Observation,
    Plan,
    Ready,
    VisionJob,
)
from edged.vision.messages_in import Heard
from edged.vision.pool import Loss
from support.clock import FakeClock

OLD = Choice(model=ModelSettings(path=Path("/old.tflite")))
NEW = Choice(model=ModelSettings(path=Path("/new.tflite")), name="marks@2", shadow=OLD.model)


class Worker:
    """A process that does nothing, and keeps its plans."""

    pid = 4711

    def __init__(self, job: VisionJob) -> None:
        self.plans = [job.plan]

    def tell(self, plan: Plan) -> None:
        self.plans.append(plan)

    def ask_to_end(self) -> None:
        pass

    def kill(self) -> None:
        pass

    def join(self, timeout_s: float = 0.0) -> bool:  # noqa: ARG002 - the protocol has it
        return True


class Onlooker:
    """Keeps what it is told."""

    def __init__(self) -> None:
        self.heard: list[Declined | Faltered | Compared] = []

    def ready(self, ready: Ready) -> None:
        pass

    def observed(self, seen: Observation) -> None:
        pass

    def told(self, message: Declined | Faltered | Compared) -> None:
        self.heard.append(message)

    def lost(self, loss: Loss) -> None:
        pass


class Post(Lookout):
    """A lookout of one camera."""

    worker: Worker

    def _launch(self, job: VisionJob, worker: int, run: int) -> Worker:  # type: ignore[override] # a stand-in
        del worker, run
        self.worker = Worker(job)
        return self.worker

    def hear(self, message: FromWorker) -> None:
        self.heard(Heard(0, 1, message))


@pytest.fixture
def onlooker() -> Onlooker:
    return Onlooker()


@pytest.fixture
def post(tmp_path: Path, onlooker: Onlooker) -> Iterator[Post]:
    clock = FakeClock()
    stamper = Stamper(Identity(device="d", boot="b", session="s"), clock, lambda: "synced")
    settings = Settings(
        publisher=("jsonl", JsonlPublisher.Settings(path=tmp_path / "messages.jsonl")),
        camera={"a": CameraSettings(source="synthetic", driver=SyntheticCamera.Settings())},
    )
    inbox: Inbox = SimpleQueue()
    outbox = open_outbox(
        settings, stamper=stamper, state_dir=tmp_path, clock=clock, notify=inbox.put
    )
    post = Post(
        settings,
        OLD,
        inbox=inbox,
        outbox=outbox,
        conditions=Conditions(),
        stamper=stamper,
        clock=clock,
        onlooker=onlooker,
    )
    post.tick()
    yield post
    outbox.close(0.1)


def test_a_worker_is_told_of_each_new_choice_once(post: Post) -> None:
    for choice in (OLD, NEW, NEW, OLD):
        post.follow(choice)
    assert [(plan.number, plan.model) for plan in post.worker.plans] == [
        (0, OLD.model),
        (1, NEW.model),
        (2, OLD.model),
    ]


def test_what_is_said_of_a_plan_that_was_overtaken_matters_to_nobody(
    post: Post, onlooker: Onlooker
) -> None:
    post.follow(NEW)
    late: list[Declined | Faltered | Compared] = [
        Declined(plan=1, reason="it saw nothing"),
        Faltered(kind="flood", plan=1, camera=0, frame_seq=1, reason="too many"),
        Compared(plan=1, camera=0, frame_seq=1, both=1, only_new=0, only_old=0, new_ns=1, old_ns=1),
    ]
    for message in late:
        post.hear(message)
    assert onlooker.heard == late
    post.follow(OLD)
    for message in late:
        post.hear(message)
    assert onlooker.heard == late
    post.hear(Declined(plan=2, reason="it is gone"))
    assert onlooker.heard[len(late) :] == [Declined(plan=2, reason="it is gone")]
