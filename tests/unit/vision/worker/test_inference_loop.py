"""The loop with a supervisor that does not read: no wait for live frames, and every frame is counted."""

import socket
import threading
from pathlib import Path

from edged.clock import SystemClock
from edged.interfaces import CameraInfo
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


class LoopBench:
    """A worker's loop in a thread, on a scripted camera whose every frame the loop takes."""

    def __init__(self, folder: Path, *, is_lossless: bool) -> None:
        self.supervisor, self._worker = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self._worker.setsockopt(
            socket.SOL_SOCKET, socket.SO_SNDBUF, 1
        )  # Linux' least: a few packets
        self.supervisor.settimeout(10)
        clock, channel = SystemClock(), SupervisorChannel(self._worker)
        context = worker_context(["front"], send=channel.send)
        switcher = ModelSwitcher(
            make_plan(0, simulated_model(folder, "m")), mailbox=PlanMailbox(), context=context
        )
        switcher.load_initial_model()
        steps: list[CameraStep] = []
        for seq in range(FRAMES):
            steps += [self._wait_until_taken, frame(seq)]
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

    def read_until_ended(self) -> tuple[list[int], WorkerReport]:
        """Return the numbers of the frames with an observation, and the last report."""
        numbers = []
        while True:
            message: FromWorker = FROM_WORKER.decode(self.supervisor.recv(FROM_WORKER.max_bytes))
            if isinstance(message, Observation):
                numbers.append(message.frame_seq)
            elif isinstance(message, WorkerReport) and message.cameras[0].state == "ended":
                return numbers, message

    def close(self) -> None:
        self.supervisor.close()
        self._thread.join(10)
        assert not self._thread.is_alive()
        self._worker.close()


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
