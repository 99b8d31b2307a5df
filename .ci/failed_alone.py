"""failed_alone.py [PYTEST ARGUMENT...]: runs the tests, and those that failed once more, one after the other on a machine without other tests.

A test that fails beside others and passes alone depends on the load of the machine. The second run names these tests above its summary. The
exit code is that of the last run: 0 only if no test failed alone too. `.ci/run` uses it; `make test` and `make system` do not.
"""

import json
import os
import random
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

_MAX_REPEATED = 50  # More failures than these are not a matter of load.
_CACHE = Path(
    "build", "failed-tests", str(os.getpid())
).absolute()  # `make system` runs two at once.
_CACHE_OPTION = ("-o", f"cache_dir={_CACHE}")
# The toolchain's environment has no xdist.
_ONE_PROCESS = ("--numprocesses", "0", "--dist", "no") if find_spec("xdist") else ()
_SEED = "EDGED_SEED"


class PassedAlone:
    """Reports which of the tests that failed beside others passed in this run."""

    def __init__(self) -> None:
        self._passed: set[str] = set()
        self._failed: set[str] = set()

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Note the outcome of each phase of a test."""
        if report.failed:
            self._failed.add(report.nodeid)
        elif report.passed and report.when == "call":
            self._passed.add(report.nodeid)

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        """Print the names of the tests that passed."""
        names = sorted(self._passed - self._failed)
        if not names:
            return
        terminalreporter.section("failed beside other tests, passed alone")
        for name in names:
            terminalreporter.write_line(name)
        terminalreporter.write_line("These tests depend on the machine's load: mend them.")


def main(arguments: list[str]) -> int:
    """Run pytest with these arguments, and the failed tests again; return the exit code."""
    # The second run must make the same random choices.
    os.environ.setdefault(_SEED, str(random.SystemRandom().randrange(1 << 32)))
    first = [sys.executable, "-m", "pytest", *arguments, *_CACHE_OPTION, "--cache-clear"]
    code = subprocess.run(first, check=False).returncode
    failed = _read_failed() if code == pytest.ExitCode.TESTS_FAILED else []
    if not failed:
        return code
    if len(failed) > _MAX_REPEATED:
        print(f"{len(failed)} tests failed: more than {_MAX_REPEATED} are not repeated alone")
        return code
    print(f"\n{len(failed)} tests failed beside others. Once more, alone:", flush=True)
    return pytest.main(
        [
            *arguments,
            *_CACHE_OPTION,
            *_ONE_PROCESS,
            "--last-failed",
            "--last-failed-no-failures=none",
        ],
        plugins=[PassedAlone()],
    )


def _read_failed() -> list[str]:
    """Return the tests that failed in the first run, as pytest has noted them."""
    names: dict[str, bool] = json.loads((_CACHE / "v" / "cache" / "lastfailed").read_text("utf-8"))
    return list(names)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
