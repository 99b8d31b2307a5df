"""A whole daemon whose model store is on a disk that turned read-only, with a damaged ledger."""

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from edged.updates.store.ledger_file import LEDGER_NAME
from support.update_device import MINIMAL_TRIAL, running_device

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="only root can mount a file system")


def run(*command: str) -> None:
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        pytest.skip(f"{command[0]} does not work here: {done.stderr.strip()}")


@pytest.fixture
def store_root(tmp_path: Path) -> Iterator[Path]:
    """A file system of its own for the model store of the device in `tmp_path`."""
    root = tmp_path / "state" / "models"
    root.mkdir(parents=True)
    run("mount", "-t", "tmpfs", "-o", "size=64m", "none", str(root))
    yield root
    run("umount", "-l", str(root))


def test_the_committed_model_runs_although_the_ledger_is_damaged_and_the_disk_read_only(
    tmp_path: Path, store_root: Path
) -> None:
    with running_device(tmp_path, model='runtime = "simulated"') as device:
        device.recorder.await_event("start")
        bundle = device.make_simulated_bundle("good", probation=MINIMAL_TRIAL)
        assert device.await_outcome(device.install(bundle))["outcome"] == "committed"
        device.daemon.stop()
        (store_root / LEDGER_NAME).write_bytes(b"{")
        run("mount", "-o", "remount,ro", str(store_root))
        restart = device.recorder.position()
        with device.daemon:
            info = device.recorder.await_message(
                "/up/info", lambda body: body["model"], after=restart, timeout_s=40.0
            )
            assert info["model"] == "good@1"
            device.await_condition("update", "Read-only file system", after=restart)
            health = device.recorder.await_message("/up/health", after=restart)
            assert "model.fallback" not in {one["name"] for one in health["degradations"]}
        run("mount", "-o", "remount,rw", str(store_root))
