"""What a worker sends to a supervisor that does not read: over a real socket pair."""

import socket
import threading
from collections.abc import Iterator

import pytest

from edged.types import Detections
from edged.vision.camera_messages import CameraReport
from edged.vision.messages import FromWorker, ModelLoading, ModelReady, Observation, WorkerReport
from edged.vision.packets import FROM_WORKER, pack_observation
from edged.vision.trial_messages import CandidateFailure
from edged.vision.worker.channel import SupervisorChannel

READY = ModelReady(
    model_name="m", sha256="0" * 64, family="ssd", runtime="r", delegate="", labels=()
)


class ChannelBench:
    """A channel, and a supervisor that reads when it is asked to."""

    def __init__(self) -> None:
        self.supervisor, self.worker = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self.supervisor.settimeout(10)
        self.channel = SupervisorChannel(self.worker)
        self.sent = 0

    def observe(self, *, is_lossless: bool = False) -> bool:
        packet = pack_observation(
            0, self.sent, 0, 0, 640, 480, (0,) * 6, moving=False, detections=Detections.empty()
        )
        self.sent += 1
        return self.channel.send_observation(packet, is_lossless=is_lossless)

    def fill(self) -> int:
        """Send observations until one is dropped; return the number of those that were not."""
        while self.observe():
            pass
        return self.sent - 1

    def read(self) -> FromWorker:
        return FROM_WORKER.decode(self.supervisor.recv(FROM_WORKER.max_bytes))

    def read_all(self) -> list[FromWorker]:
        """Read what is in the socket."""
        self.supervisor.settimeout(0)
        messages = []
        try:
            while True:
                messages.append(self.read())
        except BlockingIOError:
            self.supervisor.settimeout(10)
            return messages


@pytest.fixture
def bench() -> Iterator[ChannelBench]:
    made = ChannelBench()
    yield made
    made.supervisor.close()
    made.worker.close()


def report(captured: int) -> WorkerReport:
    return WorkerReport(cameras=(CameraReport(name="a", state="running", captured=captured),))


def test_everything_arrives_in_order_while_the_supervisor_reads(bench: ChannelBench) -> None:
    bench.channel.send(READY)
    assert bench.observe()
    bench.channel.send(report(1))
    assert [type(one) for one in bench.read_all()] == [ModelReady, Observation, WorkerReport]


def test_a_live_frame_is_dropped_and_the_worker_goes_on(bench: ChannelBench) -> None:
    kept = bench.fill()
    assert not bench.observe()
    assert len(bench.read_all()) == kept
    assert bench.observe()


def test_of_waiting_reports_only_the_newest_arrives(bench: ChannelBench) -> None:
    bench.fill()
    for captured in range(1000):
        bench.channel.send(report(captured))
    bench.read_all()
    bench.channel.send(ModelLoading(is_loading=True))
    last = bench.read_all()
    assert [type(one) for one in last] == [WorkerReport, ModelLoading]
    assert isinstance(last[0], WorkerReport)
    assert last[0].cameras[0].captured == 999


def test_no_observation_overtakes_a_message_that_waits(bench: ChannelBench) -> None:
    kept = bench.fill()
    bench.channel.send(READY)
    received = []
    for _ in range(2 * kept):  # room for one message at a time
        received.append(bench.read())
        bench.observe()
    received += bench.read_all()
    ready = received.index(READY)
    assert [one.frame_seq for one in received[:ready] if isinstance(one, Observation)] == list(
        range(kept)
    )
    later = [one.frame_seq for one in received[ready:] if isinstance(one, Observation)]
    assert len(later) > kept / 2
    assert min(later) > kept


def test_state_messages_arrive_once_each_and_in_order(bench: ChannelBench) -> None:
    bench.fill()
    failures = [CandidateFailure(kind="invoke", plan=1, reason=str(index)) for index in range(200)]
    received: list[FromWorker] = []

    def read() -> None:
        while len([one for one in received if isinstance(one, CandidateFailure)]) < len(failures):
            received.append(bench.read())

    reader = threading.Thread(target=read)
    for index, failure in enumerate(failures):
        if index == 40:
            reader.start()  # before the queue is full, where the worker would wait
        bench.channel.send(failure)
    bench.channel.wait_until_sent()
    reader.join(10)
    assert [one for one in received if isinstance(one, CandidateFailure)] == failures


def test_a_lossless_frame_waits_for_the_supervisor(bench: ChannelBench) -> None:
    kept = bench.fill()
    is_sent = threading.Event()

    def send() -> None:
        assert bench.observe(is_lossless=True)
        is_sent.set()

    sender = threading.Thread(target=send)
    sender.start()
    assert not is_sent.wait(0.05)
    numbers = [
        one.frame_seq for one in (bench.read() for _ in range(kept)) if isinstance(one, Observation)
    ]
    sender.join(10)
    assert numbers == list(range(kept))
    last = bench.read()
    assert isinstance(last, Observation)
    assert last.frame_seq == kept + 1, "the one after the dropped one"


def test_a_supervisor_that_is_gone_ends_it(bench: ChannelBench) -> None:
    bench.fill()
    bench.channel.send(READY)
    bench.supervisor.close()
    bench.channel.wait_until_sent()
    assert bench.channel.is_closed


def test_at_most_one_part_of_a_picture_waits_in_the_socket(bench: ChannelBench) -> None:
    part = b"P" * (60 << 10)
    assert bench.channel.send_chunk(part)
    assert not bench.channel.send_chunk(part)
    assert bench.observe(), "an observation has room beside it"
    assert bench.supervisor.recv(1 << 16) == part
    assert isinstance(bench.read(), Observation)
    assert bench.channel.send_chunk(part)


def test_a_part_of_a_picture_stays_behind_what_is_queued(bench: ChannelBench) -> None:
    bench.fill()
    bench.channel.send(READY)
    assert not bench.channel.send_chunk(b"P" * 100)
    bench.read_all()
    assert bench.channel.send_chunk(b"P" * 100)
    assert bench.read() == READY
    assert bench.supervisor.recv(1 << 16) == b"P" * 100
