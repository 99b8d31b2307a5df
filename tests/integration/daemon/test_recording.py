"""A finite recording in a daemon whose worker is lost on the way."""

import json
import os
import signal
from pathlib import Path

import pytest

from support.cameras import write_pictures
from support.daemon import DaemonProcess
from support.waiting import wait_for

COUNT = 50
CONFIG = """
[jsonl]
path = "{folder}/out.jsonl"

[model]
runtime = "simulated"

[health]
interval_s = 1

[camera.front]
source = "replay"
path = "{folder}/pictures"
fps = 15
isolation = "{isolation}"
"""


def _frames(folder: Path) -> int:
    """Return the frames of the newest `up/health`; 0 before the first."""
    path = folder / "out.jsonl"
    text = path.read_text() if path.exists() else ""
    lines = text[: text.rfind("\n") + 1].splitlines()  # the last line may be half written
    health = [json.loads(line)["payload"] for line in lines if '/up/health"' in line]
    return health[-1]["cameras"]["front"]["frames"] if health else 0


@pytest.mark.parametrize("isolation", ["thread", "process"])
def test_a_recording_goes_on_when_its_worker_was_killed_and_ends(
    tmp_path: Path, isolation: str
) -> None:
    write_pictures(tmp_path / "pictures", COUNT)
    config = CONFIG.format(folder=tmp_path, isolation=isolation)
    with DaemonProcess(tmp_path, config) as daemon:
        wait_for(lambda: _frames(tmp_path) >= COUNT // 4, timeout_s=30)
        (worker,) = daemon.await_worker_pids()
        os.kill(worker, signal.SIGKILL)
        code = daemon.process.wait(30)
        log = daemon.log_text

    assert code == 0, log
    assert "every camera has ended" in log
    # A few since the killed worker's last report are read again, or missing in the count.
    assert COUNT - 10 <= _frames(tmp_path) <= COUNT + 10, log
