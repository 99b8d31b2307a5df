"""The loop with a supervisor that does not read, and with a camera that is lost: nothing waits, every frame is counted, and what was not heard of is looked at again."""

import dataclasses
import select
import socket
import threading
from collections.abc import Callable
from pathlib import Path

import msgspec

from edged.clock import NS_PER_S, SystemClock
from edged.errors import CameraError
from edged.interfaces import CameraInfo
from edged.types import Frame
from edged.vision.camera_messages import CameraPlan
from edged.vision.inference_plan import InferencePlan
from edged.vision.messages import FromWorker, Observation, WorkerReport
from edged.vision.packets import FROM_WORKER
from edged.vision.worker.capture import Capture
from edged.vision.worker.capture_status import CaptureState
from edged.vision.worker.channel import SupervisorChannel
from edged.vision.worker.inference_loop import InferenceLoop
from edged.vision.worker.model_switch import ModelSwitcher
from edged.vision.worker.plans import PlanMailbox
from support.cameras import CameraStep, ScriptedCamera, end_of_stream, frame
from support.vision_worker import make_plan, simulated_model, worker_context
from support.waiting import wait_for

FRAMES = 60
FPS = 10


class LoopBench:
    """A worker's loop in a thread, on a scripted camera whose every frame the loop takes; its picture is always the same."""

    def __init__(
        self,
        folder: Path,
        *,
        is_lossless: bool,
        has_gate: bool = False,
        interlude: Callable[[], None] = lambda: None,
    ) -> None:
        """Begin.

        Args:
            folder: for the model.
            is_lossless: whether the camera waits for the loop.
            has_gate: whether the model runs only while something changes.
            interlude: what the camera does after half of the frames; it can raise `CameraError`.
        """
        self.supervisor, self._worker = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self._worker.setsockopt(
            socket.SOL_SOCKET, socket.SO_SNDBUF, 1
        )  # Linux' least: a few packets
        self.supervisor.settimeout(10)
        clock, channel = SystemClock(), SupervisorChannel(self._worker)
        context = worker_context(["front"], send=channel.send)
        plan = msgspec.structs.replace(
            make_plan(0, simulated_model(folder, "m")),
            cameras=(CameraPlan(min_score=0.3, inference=InferencePlan(has_gate=has_gate)),),
        )
        switcher = ModelSwitcher(plan, mailbox=PlanMailbox(), context=context)
        switcher.load_initial_model()
        steps: list[CameraStep] = []
        for seq in range(FRAMES):
            if seq == FRAMES // 2:
                steps += [self._wait_until_taken, interlude]
            steps += [self._wait_until_taken, make_frame(seq)]
        info = CameraInfo(width=4, height=2, fps=10, description="", lossless=is_lossless)
        camera = ScriptedCamera(clock, [*steps, end_of_stream()], info=info)
        self.slots = context.slots
        self.capture = Capture(camera, name="front", slots=context.slots, clock=clock)
        self._loop = InferenceLoop(
            captures=[self.capture],
            slots=context.slots,
            selection=context.selection,
            pipeline=context.pipeline,
            switcher=switcher,
            pictures=context.pictures,
            channel=channel,
            camera_indices=context.camera_indices,
            report_interval_s=0.05,
            clock=clock,
        )
        self._thread = threading.Thread(target=self._loop.run, daemon=True)
        self._thread.start()
        self.capture.start()

    def _wait_until_taken(self) -> None:
        wait_for(lambda: not any(self.slots._pending.values()))

    def read_until(self, is_it: Callable[[FromWorker], object]) -> None:
        """Read up to the first such message."""
        while not is_it(FROM_WORKER.decode(self.supervisor.recv(FROM_WORKER.max_bytes))):
            pass

    def read_until_ended(self) -> tuple[list[int], WorkerReport]:
        """Return the numbers of the frames with an observation, and the last report."""
        numbers = []
        while True:
            message: FromWorker = FROM_WORKER.decode(self.supervisor.recv(FROM_WORKER.max_bytes))
            if isinstance(message, Observation):
                numbers.append(message.frame_seq)
            elif isinstance(message, WorkerReport) and message.cameras[0].state == "ended":
                return numbers, message

    @property
    def has_input(self) -> bool:
        """Whether something waits to be read."""
        poll = select.poll()
        poll.register(self.supervisor, select.POLLIN)
        return bool(poll.poll(0))

    def close(self) -> None:
        self.supervisor.close()
        self._thread.join(10)
        assert not self._thread.is_alive()
        self._worker.close()


def make_frame(seq: int) -> Frame:
    return dataclasses.replace(frame(seq), captured_ns=(100 * FPS + seq) * NS_PER_S // FPS)


def test_live_frames_go_on_without_a_supervisor_that_reads_and_are_counted(tmp_path: Path) -> None:
    bench = LoopBench(tmp_path, is_lossless=False)
    wait_for(lambda: bench.capture.status.state is CaptureState.ENDED)
    numbers, report = bench.read_until_ended()
    camera = report.cameras[0]
    assert camera.captured == FRAMES
    assert bench.slots.dropped_count("front") == 0
    assert 0 < len(numbers) < FRAMES / 2
    assert (camera.inferred, camera.dropped) == (len(numbers), FRAMES - len(numbers))
    bench.close()


def test_lossless_frames_wait_for_the_supervisor(tmp_path: Path) -> None:
    bench = LoopBench(tmp_path, is_lossless=True)
    numbers, report = bench.read_until_ended()
    assert numbers == list(range(FRAMES))
    assert (report.cameras[0].inferred, report.cameras[0].dropped) == (FRAMES, 0)
    bench.close()


def test_a_picture_of_which_the_supervisor_has_not_heard_is_not_at_rest(tmp_path: Path) -> None:
    is_reading = threading.Event()

    def wait_until_read() -> None:
        is_reading.wait(10)

    bench = LoopBench(tmp_path, is_lossless=False, has_gate=True, interlude=wait_until_read)
    wait_for(lambda: bench.capture.status.captured == FRAMES // 2)
    bench.read_until(lambda message: is_report(message) and not bench.has_input)
    is_reading.set()
    numbers, _ = bench.read_until_ended()
    assert any(number >= FRAMES // 2 for number in numbers)
    bench.close()


def test_what_a_camera_shows_after_a_loss_is_looked_at(tmp_path: Path) -> None:
    def lose() -> None:
        raise CameraError("unplugged")

    bench = LoopBench(tmp_path, is_lossless=False, has_gate=True, interlude=lose)
    bench.read_until(lambda message: is_report(message, "lost"))
    numbers, _ = bench.read_until_ended()
    assert any(number >= FRAMES // 2 for number in numbers)
    bench.close()


def is_report(message: FromWorker, state: str = "running") -> bool:
    return isinstance(message, WorkerReport) and message.cameras[0].state == state
