"""Lines that native libraries write to standard error."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from edged.host.native_output import drop_native_info
from edged.ipc.child import spawn

MODELS = Path(__file__).parents[3] / "models" / "bundled"


def test_only_lines_of_level_info_are_dropped(capfd: pytest.CaptureFixture[str]) -> None:
    with drop_native_info():
        os.write(2, b"INFO: Created a delegate.\nERROR: an operator is unknown\n")
        assert capfd.readouterr().err == ""
    os.write(2, b"INFO: after it\n")
    assert capfd.readouterr().err == "ERROR: an operator is unknown\nINFO: after it\n"


def test_more_than_fits_does_not_block(capfd: pytest.CaptureFixture[str]) -> None:
    with drop_native_info():
        for _ in range(4096):
            try:
                os.write(2, b"x" * 1024)
            except BlockingIOError:
                break
    assert capfd.readouterr().err.count("x") > 1024


def test_a_process_that_is_spawned_meanwhile_keeps_its_standard_error(
    capfd: pytest.CaptureFixture[str],
) -> None:
    with drop_native_info():
        child, ours = spawn("no_such_module")
    child.wait(timeout=30)
    ours.close()
    assert "No module named no_such_module" in capfd.readouterr().err


@pytest.mark.runtime
@pytest.mark.parametrize(
    "arguments",
    [
        ["inspect", str(MODELS / "marks.tflite")],
        ["inspect", str(MODELS / "marks.tflite"), "--image", "/nowhere.jpg"],
    ],
)
def test_commands_print_no_line_of_a_library(arguments: list[str]) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "edged", *arguments], capture_output=True, text=True, check=False
    )

    assert [line for line in done.stderr.splitlines() if not line.startswith("edged:")] == []
