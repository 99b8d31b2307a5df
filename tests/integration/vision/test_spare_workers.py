"""Processes that are started before their jobs are known."""

import subprocess
import sys
from pathlib import Path

from edged.clock import SystemClock
from edged.event_loop import EventLoop
from edged.vision.messages import ModelReady, VisionJob
from edged.vision.process import VisionProcess, WorkerExited, WorkerMessage
from edged.vision.spare_workers import SpareWorkers
from support.vision_worker import live_camera, make_plan, simulated_model

_MAX_PASSES = 1000


def test_a_worker_begins_in_a_process_that_was_started_before(tmp_path: Path) -> None:
    others = children()
    spares = SpareWorkers()
    spares.provide(2)
    pids = children() - others
    messages: list[WorkerMessage] = []
    exits: list[WorkerExited] = []
    job = VisionJob(plan=make_plan(0, simulated_model(tmp_path, "a")), cameras=(live_camera(),))
    with EventLoop(SystemClock()) as loop:
        process = VisionProcess(
            job,
            worker=0,
            run=1,
            loop=loop,
            spares=spares,
            on_message=messages.append,
            on_exit=exits.append,
        )
        assert process.pid in pids
        assert children() - others == pids, "none was started"
        for _ in range(_MAX_PASSES):
            loop.run_once(0.05)
            if any(isinstance(item.message, ModelReady) for item in messages):
                break
        else:
            raise AssertionError(messages)
        spares.close()
        assert children() - others == {process.pid}, "the one that got no job has ended"
        process.kill()
        while not exits:
            loop.run_once(0.05)


def children() -> set[int]:
    return {int(pid) for pid in Path("/proc/thread-self/children").read_text().split()}


def test_the_first_process_is_started_before_the_configuration_and_the_supervisor_are_imported() -> (
    None
):
    late = {
        "edged.daemon.main",
        "edged.config",
        "edged.updates",
        "edged.messaging",
        "msgspec",
        "numpy",
        "sqlite3",
        "paho",
    }
    script = f"import sys, edged.daemon.start; print({late!r} & set(sys.modules))"
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "set()"
