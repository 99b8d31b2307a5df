"""The quality of the wall clock."""

import ctypes
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import pytest

from edged import clock

_FLOOR_NS = 1000
_OK, _ERROR, _REFUSED = 0, 5, -1
"""Return values of adjtimex(2)."""


@pytest.fixture
def quality_when(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> Callable[..., clock.ClockQuality]:
    """Return a function that computes the quality from the kernel's state and timesyncd's mark file."""

    def compute(state: int, *, marked: bool, wall_ns: int = _FLOOR_NS) -> clock.ClockQuality:
        file = tmp_path / "synchronized"
        file.touch() if marked else file.unlink(missing_ok=True)
        libc = SimpleNamespace(adjtimex=lambda _: state)
        monkeypatch.setattr(ctypes, "CDLL", lambda *_, **__: libc)
        monkeypatch.setattr(clock, "_TIMESYNCD", file)
        return clock.clock_quality(wall_ns, _FLOOR_NS)

    return compute


def test_the_kernel_knows_whether_something_keeps_it_right(
    quality_when: Callable[..., clock.ClockQuality],
) -> None:
    assert quality_when(_OK, marked=False) == "synced"
    assert quality_when(_ERROR, marked=True) == "floor", "it was right once"
    assert quality_when(_ERROR, marked=True, wall_ns=0) == "unsynced"


def test_timesyncd_is_used_where_the_kernel_may_not_be_queried(
    quality_when: Callable[..., clock.ClockQuality],
) -> None:
    assert quality_when(_REFUSED, marked=True) == "synced"
    assert quality_when(_REFUSED, marked=False) == "floor"
    assert quality_when(_REFUSED, marked=False, wall_ns=0) == "unsynced"


def test_this_machine_has_an_answer() -> None:
    assert clock.clock_quality(2, 1) in {"synced", "floor"}
