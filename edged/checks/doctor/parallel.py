"""Runs checks concurrently, so that a blocked check does not hide the others."""

import threading
from collections.abc import Callable, Iterable, Iterator, Mapping

from edged.checks.doctor.finding import Finding, fail
from edged.clock import Clock, Deadline
from edged.errors import EdgedError, describe_error

_TIMEOUT_ADVICE = "the check is blocked; look at this component's log"

Check = Callable[[], Iterable[Finding]]
"""A check of one component."""


def run_in_parallel(
    checks: Mapping[str, Check], *, clock: Clock, timeout_s: float
) -> Iterator[Finding]:
    """Run every check in a thread of its own, and yield the findings in the order of the checks.

    Args:
        checks: by the name of the part.
        clock: the clock of the time limit.
        timeout_s: time limit of all checks together, in seconds.

    Yields:
        The findings; also one for each check that raises an error or does not finish in time.
    """
    findings: dict[str, list[Finding]] = {}

    def run(part: str) -> None:
        findings[part] = list(_run_check(part, checks[part]))

    threads = {
        part: threading.Thread(target=run, args=(part,), name=part, daemon=True) for part in checks
    }
    for thread in threads.values():
        thread.start()
    deadline = Deadline(clock, timeout_s)
    for part, thread in threads.items():
        thread.join(deadline.remaining_s)
        if part in findings:  # an empty list too: the check had nothing to check
            yield from findings[part]
        else:
            yield fail(part, f"no result within {timeout_s:g} s", _TIMEOUT_ADVICE)


def _run_check(part: str, check: Check) -> Iterator[Finding]:
    try:
        yield from check()
    except EdgedError as error:
        yield fail(part, str(error))
    except Exception as error:  # noqa: BLE001 - a failed check must not hide the others
        yield fail(part, f"the check failed: {type(error).__name__}: {describe_error(error)}")
