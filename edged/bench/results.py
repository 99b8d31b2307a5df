"""The rows of the report, from the rounds. Pure."""

from collections.abc import Mapping, Sequence

from msgspec.structs import replace

from edged.bench.goals import BenchConditions, check_goals
from edged.bench.measures import MEASURES, Measure, list_programs
from edged.bench.report_values import Row, Section, Spread
from edged.bench.run_values import BARE, EDGED, Round
from edged.bench.statistics import ratio, spread_of

_BYTES_PER_PIXEL = 3


def compute_section(rounds: Sequence[Round], title: str, conditions: BenchConditions) -> Section:
    """Compute the rows of one source of frames.

    Args:
        rounds: the rounds; at least one.
        title: the section's title.
        conditions: what they ran on.
    """
    programs = list_programs(rounds[0])
    frame_mb = conditions.frame[0] * conditions.frame[1] * _BYTES_PER_PIXEL / (1 << 20)
    rows = (_compute_row(measure, rounds, programs, frame_mb) for measure in MEASURES)
    return Section(
        title=title,
        rows=tuple(with_goals(row, conditions) for row in rows if row.values),
    )


def with_goals(row: Row, conditions: BenchConditions) -> Row:
    """Return the row with the goals that apply to it."""
    return replace(row, goals=check_goals(row, conditions))


def make_row(
    key: str,
    title: str,
    unit: str,
    values: Mapping[str, Sequence[float]],
    *,
    digits: int = 2,
    lower_is_better: bool | None = True,
    subject: str = EDGED,
) -> Row:
    """Make a row from the values of each program in the same rounds.

    Args:
        key: its name in JSON.
        title: its name in the table.
        unit: its unit.
        values: the values by program, in the order of the rounds.
        digits: digits after the point in the table.
        lower_is_better: False if a higher value is better; None if neither is.
        subject: the program whose values are divided by those of the others.
    """
    own = values.get(subject, ())
    ratios = {
        name: spread
        for name, others in values.items()
        if name != subject and (spread := _ratio_spread(own, others)) is not None
    }
    return Row(
        key=key,
        title=title,
        unit=unit,
        digits=digits,
        lower_is_better=lower_is_better,
        values={name: spread_of(list(numbers)) for name, numbers in values.items() if numbers},
        ratios=ratios,
    )


def _compute_row(
    measure: Measure, rounds: Sequence[Round], programs: Sequence[str], frame_mb: float
) -> Row:
    columns: dict[str, Sequence[float]] = {}
    for program in programs:
        numbers = [measure.evaluate(one, program) for one in rounds]
        if all(number is not None for number in numbers):
            columns[program] = [number for number in numbers if number is not None]
    row = make_row(
        measure.key,
        measure.title,
        measure.unit,
        columns,
        digits=measure.digits,
        lower_is_better=measure.lower_is_better,
    )
    row = row if measure.has_ratios else replace(row, ratios={})
    return _against_bare(row, rounds, frame_mb) if measure.key == "rss_worker" else row


def _against_bare(row: Row, rounds: Sequence[Round], frame_mb: float) -> Row:
    """Return the row with the ratio of the worker's memory, without one frame, to that of the bare interpreter."""
    own = row.values.get(EDGED)
    if own is None:
        return row
    runs = [one.started[EDGED].memory for one in rounds]
    worker_mb = [
        sum(use.rss_mb for name, use in memory.items() if name.startswith("vision")) - frame_mb
        for memory in runs
    ]
    spread = _ratio_spread(worker_mb, [one.bare.memory[BARE].rss_mb for one in rounds])
    return row if spread is None else replace(row, ratios={**row.ratios, BARE: spread})


def _ratio_spread(own: Sequence[float], others: Sequence[float]) -> Spread | None:
    if len(own) != len(others):
        return None
    ratios = [ratio(mine, other) for mine, other in zip(own, others, strict=True)]
    known = [one for one in ratios if one is not None]
    return spread_of(known) if known and len(known) == len(ratios) else None
