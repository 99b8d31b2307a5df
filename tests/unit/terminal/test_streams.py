"""Standard streams that are closed or full, and errors as JSON."""

import json
import subprocess
import sys

import pytest


def _run(shell_suffix: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run ``edged`` in a shell, with a redirection."""
    return subprocess.run(
        ["/bin/sh", "-c", f'"$0" -m edged "$@" {shell_suffix}', sys.executable, *arguments],
        capture_output=True,
        check=False,
        text=True,
    )


@pytest.mark.parametrize("suffix", [">&-", "2>&-", "<&- >&- 2>&-"])
def test_a_closed_stream_changes_no_result(suffix: str) -> None:
    assert _run(suffix, "schema", "event").returncode == 0
    failed = _run(suffix, "check", "-c", "/nowhere/edged.toml")
    assert failed.returncode == 1
    assert "Traceback" not in failed.stdout + failed.stderr


def test_a_child_process_of_a_command_with_closed_streams_has_standard_streams() -> None:
    done = _run("<&- >&-", "inspect", "/nowhere/a.tflite")
    assert (
        done.stderr == "edged: cannot read the model /nowhere/a.tflite: No such file or directory\n"
    )


def test_output_to_a_full_disk_is_one_line_of_error() -> None:
    done = _run("> /dev/full", "schema", "event")
    assert done.returncode == 1
    assert done.stderr == "edged: cannot write the output: No space left on device\n"


@pytest.mark.parametrize(
    "arguments",
    [
        ("model", "status", "-c", "/nowhere/edged.toml"),
        ("rescue", "-c", "/nowhere/edged.toml"),
        ("bundle", "inspect", "/nowhere/a.edgem"),
        ("trust", "show", "/nowhere/trust.json"),
    ],
)
def test_a_failure_with_json_is_json(arguments: tuple[str, ...]) -> None:
    done = _run("", *arguments, "--json")
    assert done.returncode == 1
    assert arguments[-1] in json.loads(done.stdout)["error"]
    assert done.stderr.startswith("edged: ")
