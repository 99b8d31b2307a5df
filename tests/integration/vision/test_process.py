"""A real worker, and a supervisor that is late: of a live camera the newest observation is processed, of a lossless one each."""

import time
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path

from edged.clock import SystemClock
from edged.event_loop import EventLoop
from edged.vision.camera_messages import CameraJob
from edged.vision.messages import Observation, VisionJob, WorkerReport
from edged.vision.process import MAX_LOSSLESS, VisionProcess, WorkerExited, WorkerMessage
from edged.vision.spare_workers import SpareWorkers
from support.vision_worker import camera_job, live_camera, make_plan, simulated_model

_MAX_WAIT_S = 30.0


class ProcessBench:
    """A worker's process in a loop that the test runs."""

    def __init__(self, loop: EventLoop, folder: Path, camera: CameraJob) -> None:
        self.loop = loop
        self.items: list[WorkerMessage] = []
        self.exits: list[WorkerExited] = []
        job = VisionJob(
            plan=make_plan(0, simulated_model(folder, "a")),
            cameras=(camera,),
            report_interval_s=0.05,
        )
        self.process = VisionProcess(
            job,
            worker=0,
            run=1,
            loop=loop,
            spares=SpareWorkers(),
            on_message=self.items.append,
            on_exit=self.exits.append,
        )

    def run_until(self, is_true: Callable[[], object]) -> None:
        end_s = time.monotonic() + _MAX_WAIT_S
        while not is_true():
            assert time.monotonic() < end_s, self.items[-5:]
            self.loop.run_once(0.05)

    def observations(self) -> list[WorkerMessage]:
        return [item for item in self.items if isinstance(item.message, Observation)]

    def frames(self) -> list[int]:
        return [
            item.message.frame_seq for item in self.items if isinstance(item.message, Observation)
        ]

    def stop(self) -> None:
        self.process.request_stop()
        self.run_until(lambda: self.exits)


def test_a_late_supervisor_processes_the_newest_of_a_live_camera(tmp_path: Path) -> None:
    with EventLoop(SystemClock()) as loop:
        bench = ProcessBench(loop, tmp_path, live_camera())
        bench.run_until(
            lambda: any(
                isinstance(item.message, WorkerReport) and item.message.cameras[0].is_live
                for item in bench.items
            )
        )
        bench.items.clear()
        time.sleep(0.5)
        assert bench.process.has_unread
        loop.run_once(0.0)
        late = bench.observations()
        assert len(late) > 10
        assert [item.is_superseded for item in late] == [True] * (len(late) - 1) + [False]
        assert all(a < b for a, b in pairwise(bench.frames()))
        assert sum(isinstance(item.message, WorkerReport) for item in bench.items) > 2
        bench.stop()


def test_every_observation_of_a_lossless_camera_is_processed_a_few_in_each_pass(
    tmp_path: Path,
) -> None:
    with EventLoop(SystemClock()) as loop:
        frames = 300
        camera = camera_job(fps=200, cycle=16, every_s=0.5, frames=frames, speed="max")
        bench = ProcessBench(loop, tmp_path, camera)
        time.sleep(2.0)  # the worker waits for us meanwhile
        while len(bench.frames()) < frames:
            before = len(bench.frames())
            loop.run_once(_MAX_WAIT_S)
            assert len(bench.frames()) - before <= MAX_LOSSLESS
        assert bench.frames() == list(range(frames))
        assert not any(item.is_superseded for item in bench.items)
        bench.stop()
