"""Checks that run side by side."""

import threading
from collections.abc import Iterator

from edged.checks.doctor.finding import Finding, ok
from edged.checks.doctor.parallel import run_in_parallel
from edged.clock import SystemClock


def test_a_check_that_hangs_or_breaks_does_not_hide_the_others() -> None:
    release = threading.Event()

    def hangs() -> Iterator[Finding]:
        release.wait()
        yield ok("b", "at last")

    def breaks() -> Iterator[Finding]:
        yield ok("c", "so far")
        raise ZeroDivisionError("a bug")

    checks = {"a": lambda: [ok("a", "well")], "b": hangs, "c": breaks}
    a, b, c, bug = run_in_parallel(checks, clock=SystemClock(), timeout_s=0.2)
    release.set()
    assert (a.status, b.status, c.status, bug.status) == ("ok", "fail", "ok", "fail")
    assert "0.2 s" in b.message
    assert "ZeroDivisionError" in bug.message


def test_a_check_that_has_nothing_to_check_has_no_finding() -> None:
    checks = {"a": list, "b": lambda: [ok("b", "well")]}
    assert list(run_in_parallel(checks, clock=SystemClock(), timeout_s=30.0)) == [ok("b", "well")]
