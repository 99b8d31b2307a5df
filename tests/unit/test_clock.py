"""What the wall clock is worth."""

import ctypes
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import pytest

from edged import clock

_FLOOR_NS = 1000
_OK, _ERROR, _REFUSED = 0, 5, -1
"""What adjtimex(2) returns."""


@pytest.fixture
def quality_when(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> Callable[..., clock.ClockQuality]:
    """The quality, by what the kernel says and whether timesyncd has marked that it is synchronised."""

    def ask(state: int, *, marked: bool, wall_ns: int = _FLOOR_NS) -> clock.ClockQuality:
        mark = tmp_path / "synchronized"
        mark.touch() if marked else mark.unlink(missing_ok=True)
        libc = SimpleNamespace(adjtimex=lambda _: state)
        monkeypatch.setattr(ctypes, "CDLL", lambda *_, **__: libc)
        monkeypatch.setattr(clock, "_TIMESYNCD", mark)
        return clock.clock_quality(wall_ns, _FLOOR_NS)

    return ask


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
