"""Running programs of this machine."""

import subprocess

_MAX_RUN_S = 120.0


def run(
    argv: list[str],
    *,
    check: bool = True,
    stdin: bytes = b"",
    timeout_s: float = _MAX_RUN_S,
) -> subprocess.CompletedProcess[str]:
    """Run a command to its end; a failure is an AssertionError with its output, unless `check` is False."""
    done = subprocess.run(argv, input=stdin, capture_output=True, timeout=timeout_s, check=False)
    out, err = (stream.decode("utf-8", "replace") for stream in (done.stdout, done.stderr))
    assert not check or done.returncode == 0, f"{argv} ended with {done.returncode}:\n{out}{err}"
    return subprocess.CompletedProcess(argv, done.returncode, out, err)


def ip(*arguments: str) -> None:
    """Run `ip` of iproute2."""
    run(["ip", *arguments])
