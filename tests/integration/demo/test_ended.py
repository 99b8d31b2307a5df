"""``edged demo`` and ``edged bench`` that are ended from outside: nothing of them is left behind."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from edged.terminal.program import EXIT_SIGNALLED
from support.waiting import wait_for


def _running_in(folder: Path) -> list[str]:
    """Return the command lines of all processes whose environment has `folder` as TMPDIR."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            if f"TMPDIR={folder}\0".encode() in (process / "environ").read_bytes():
                found.append((process / "cmdline").read_text().replace("\0", " "))
        except OSError:
            continue
    return found


@pytest.fixture(autouse=True)
def _hang_up_is_not_ignored() -> Iterator[None]:
    """Undo what nohup has set: a process inherits it, and edged leaves it so."""
    before = signal.signal(signal.SIGHUP, signal.SIG_DFL)
    yield
    signal.signal(signal.SIGHUP, before)


def _path_without(program: str, folder: Path) -> str:
    """Return a PATH of links to all programs but one."""
    folder.mkdir()
    for directory in ("/usr/sbin", "/usr/bin"):
        for path in Path(directory).iterdir():
            if path.name != program and not (folder / path.name).is_symlink():
                (folder / path.name).symlink_to(path)
    return str(folder)


@pytest.mark.parametrize(
    ("command", "number", "missing_program"),
    [
        ("demo", signal.SIGHUP, None),
        ("demo", signal.SIGTERM, None),
        ("demo", signal.SIGKILL, None),
        ("demo", signal.SIGKILL, "setpriv"),
        ("bench", signal.SIGTERM, None),
        ("bench", signal.SIGKILL, None),
    ],
)
def test_a_command_that_is_ended_leaves_no_process_and_no_folder(
    tmp_path: Path,
    tmp_path_factory: pytest.TempPathFactory,
    command: str,
    number: signal.Signals,
    missing_program: str | None,
) -> None:
    path = os.environ["PATH"]
    if missing_program:
        path = _path_without(missing_program, tmp_path_factory.mktemp("programs") / "bin")
    demo = subprocess.Popen(
        [sys.executable, "-m", "edged", command],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        env={**os.environ, "TMPDIR": str(tmp_path), "PATH": path},
        start_new_session=True,
    )
    try:
        wait_for(
            lambda: any(" -m edged run " in line for line in _running_in(tmp_path)),
            timeout_s=30,
        )
    finally:
        demo.send_signal(number)
        _, errors = demo.communicate(timeout=30)

    wait_for(lambda: not _running_in(tmp_path), timeout_s=20, state=lambda: _running_in(tmp_path))
    assert list(tmp_path.iterdir()) == []
    # 0 once the demo shows messages; the daemon runs a moment before.
    ends = {-signal.SIGKILL} if number is signal.SIGKILL else {0, EXIT_SIGNALLED + number}
    assert demo.returncode in ends
    assert b"Traceback" not in errors
