"""The project's goals, as numbers. Each was set for an x86-64 virtual machine with two quiet cores. Pure."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from edged.bench.report_values import GoalCheck, Row
from edged.bench.run_values import BARE, EDGED, TUTORIAL

SLOW_INVOKE_MS = 4.0
"""The goals for shares and CPU time were set with an invoke of 14 ms, and with one of 1.1 ms: this is between them."""
_MODEL_SIZED_RATIO = 1.1


@dataclass(frozen=True, slots=True, kw_only=True)
class BenchConditions:
    """What a benchmark ran on.

    Attributes:
        invoke_ms: wall time of one bare invoke, in ms.
        frame: width and height of the frames, in pixels.
        model_input: width and height of the model's input, in pixels.
        ref: name of the other build; None if there is none.
    """

    invoke_ms: float
    frame: tuple[int, int]
    model_input: tuple[int, int]
    ref: str | None = None

    @property
    def is_slow(self) -> bool:
        """True if an invoke takes long against the work of the daemon."""
        return self.invoke_ms >= SLOW_INVOKE_MS

    @property
    def is_model_sized(self) -> bool:
        """True if the frames are hardly larger than the model's input."""
        pairs = zip(self.frame, self.model_input, strict=True)
        return all(side <= _MODEL_SIZED_RATIO * own for side, own in pairs)


@dataclass(frozen=True, slots=True, kw_only=True)
class Goal:
    """A limit of edged's value, or of its ratio to another program's.

    Attributes:
        limit: the limit, included.
        against: the other program; None for the value itself.
        at_least: True if the limit is the lowest good value.
    """

    limit: float
    against: str | None = None
    at_least: bool = False


def check_goals(row: Row, conditions: BenchConditions) -> tuple[GoalCheck, ...]:
    """Return the goals for a row that apply, and whether they are met."""
    checks = (_check(goal, row) for goal in _list_goals(row.key, conditions))
    return tuple(check for check in checks if check is not None)


def _check(goal: Goal, row: Row) -> GoalCheck | None:
    measured = row.ratios.get(goal.against) if goal.against else row.values.get(EDGED)
    if measured is None:
        return None
    met = measured.median >= goal.limit if goal.at_least else measured.median <= goal.limit
    other = f" x {goal.against}" if goal.against else f" {row.unit}".rstrip()
    return GoalCheck(text=f"{'≥' if goal.at_least else '≤'} {goal.limit:.3g}{other}", met=met)


def _list_goals(key: str, conditions: BenchConditions) -> Sequence[Goal]:
    list_for_key = _GOALS.get(key)
    return list_for_key(conditions) if list_for_key else ()


def _share_goals(conditions: BenchConditions) -> Sequence[Goal]:
    if not conditions.is_slow:
        return (Goal(limit=0.85, at_least=True),)
    return (Goal(limit=0.985 if conditions.is_model_sized else 0.975, at_least=True),)


def _beyond_worker_goals(conditions: BenchConditions) -> Sequence[Goal]:
    limit = 2.0 if conditions.is_model_sized else 4.0
    return (Goal(limit=limit),) if conditions.is_slow else ()


def _beyond_goals(conditions: BenchConditions) -> Sequence[Goal]:
    return (Goal(limit=7.0),) if conditions.is_slow else ()


def _against_ref(conditions: BenchConditions, limit: float) -> Sequence[Goal]:
    return (Goal(limit=limit, against=conditions.ref),) if conditions.ref else ()


def _p50_goals(conditions: BenchConditions) -> Sequence[Goal]:
    own = (Goal(limit=0.5), Goal(limit=0.5, against=TUTORIAL))
    return (*own, *_against_ref(conditions, 0.2))


def _p99_goals(conditions: BenchConditions) -> Sequence[Goal]:
    return (Goal(limit=1.5), *_against_ref(conditions, 0.2))


_GOALS: dict[str, Callable[[BenchConditions], Sequence[Goal]]] = {
    "share": _share_goals,
    "added_p50": _p50_goals,
    "added_p95": lambda _: (Goal(limit=1 / 3, against=TUTORIAL),),
    "added_p99": _p99_goals,
    "cpu": lambda _: (Goal(limit=0.95, against=TUTORIAL),),
    "cpu_supervisor": lambda conditions: _against_ref(conditions, 0.25),
    "beyond": _beyond_goals,
    "beyond_worker": _beyond_worker_goals,
    "rss_supervisor": lambda _: (Goal(limit=45.0),),
    "rss_worker": lambda _: (Goal(limit=1.5, against=BARE),),
    "start_ratio": lambda _: (Goal(limit=2.0),),
    "cpu_static": lambda _: (Goal(limit=0.025, against="always on"),),
    "invokes_static": lambda _: (Goal(limit=0.0),),
    "cpu_cameras": lambda _: (
        Goal(limit=1.05, against="1 camera"),
        Goal(limit=0.95, against="1 camera", at_least=True),
    ),
    "share_error": lambda _: (Goal(limit=10.0),),
    "rss_further": lambda _: (Goal(limit=0.5),),
    "rate_streams": lambda _: (Goal(limit=0.95, against="nominal", at_least=True),),
    "rate_mjpeg": lambda _: (Goal(limit=0.97, against="nominal", at_least=True),),
    "update_p50": lambda _: (Goal(limit=1.5, against="undisturbed"),),
    "update_p99": lambda _: (Goal(limit=1.5, against="undisturbed"),),
}
