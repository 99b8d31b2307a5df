"""Compares two reports. Pure."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

from edged.bench.report_values import BenchReport, Row, Spread
from edged.bench.run_values import BARE, EDGED
from edged.bench.statistics import ratio
from edged.bench.table import format_spread

Verdict = Literal["better", "worse", "changed", "within the noise", "one round only"]


@dataclass(frozen=True, slots=True, kw_only=True)
class MeasureComparison:
    """One measure in two reports.

    Attributes:
        section: title of its section.
        row: the row of the new report.
        program: whose value it is.
        old: the old value.
        new: the new value.
        change: new / old; None if the old one is not above 0.
        verdict: whether the two ranges are apart, and in which direction.
    """

    section: str
    row: Row
    program: str
    old: Spread
    new: Spread
    change: float | None
    verdict: Verdict


def compare_reports(old: BenchReport, new: BenchReport) -> list[MeasureComparison]:
    """Return the measures of edged, and the bare rate as a control, that both reports have."""
    return list(_compare(old, new))


def judge(old: Spread, new: Spread, *, lower_is_better: bool | None) -> Verdict:
    """Return whether two ranges of rounds are apart.

    Args:
        old: the values before.
        new: the values now.
        lower_is_better: False if a higher value is better; None if neither is.
    """
    if old.count == 1 or new.count == 1:
        return "one round only"
    if new.low <= old.high and old.low <= new.high:
        return "within the noise"
    if lower_is_better is None:
        return "changed"
    return "better" if (new.median < old.median) == lower_is_better else "worse"


def format_comparisons(old: BenchReport, comparisons: Sequence[MeasureComparison]) -> str:
    """Format the comparisons as a table; the old report's build and machine are its head."""
    lines = [f"compared with edged {old.build} on {old.machine}"]
    if not comparisons:
        lines.append("  no measure is in both reports: one of them is of another --scenario")
    section = ""
    for one in comparisons:
        if one.section != section:
            section = one.section
            lines.append(section)
        change = "" if one.change is None else f"x {one.change:.3f}"
        name = one.row.title if one.program == EDGED else f"{one.row.title}, {one.program}"
        before = format_spread(one.old, one.row.digits)
        after = format_spread(one.new, one.row.digits)
        lines.append(
            f"  {name:<46}{before:>24} → {after:<24} {one.row.unit:<4}{change:<9} {one.verdict}"
        )
    return "\n".join(lines)


def list_differences(old: BenchReport, new: BenchReport) -> list[str]:
    """Return what differs between the circumstances of two reports, so that their values cannot be compared directly."""
    fields = ("machine", "model", "runtime", "frame", "fps", "seconds")
    return [
        f"{name}: {getattr(old, name)} then, {getattr(new, name)} now"
        for name in fields
        if getattr(old, name) != getattr(new, name)
    ]


def _compare(old: BenchReport, new: BenchReport) -> Iterator[MeasureComparison]:
    for section in new.sections:
        for row in section.rows:
            before = old.find_row(section.title, row.key)
            programs = (BARE, EDGED) if row.key == "fps" else tuple(row.values)[-1:]
            for program in programs:
                if before and program in before.values and program in row.values:
                    yield _compare_values(section.title, before, row, program)


def _compare_values(section: str, before: Row, row: Row, program: str) -> MeasureComparison:
    old, new = before.values[program], row.values[program]
    return MeasureComparison(
        section=section,
        row=row,
        program=program,
        old=old,
        new=new,
        change=ratio(new.median, old.median),
        verdict=judge(old, new, lower_is_better=row.lower_is_better),
    )
