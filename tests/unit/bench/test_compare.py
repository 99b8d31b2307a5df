"""Two reports, compared."""

from pathlib import Path

import pytest

from edged.bench.compare import compare_reports, format_comparisons, judge, list_differences
from edged.bench.kept_report import read_report, write_report
from edged.bench.report_values import BenchReport, Row, Section, Spread
from edged.bench.results import make_row
from edged.errors import EdgedError


def make_report(*rows: Row, machine: str = "m") -> BenchReport:
    return BenchReport(
        machine=machine,
        build="b",
        model="x.tflite",
        runtime="litert",
        frame="4x4",
        fps=30.0,
        rounds=3,
        seconds=1.0,
        sections=(Section(title="s", rows=rows),),
    )


def cpu_row(*values: float) -> Row:
    return make_row("cpu", "CPU a frame", "ms", {"bare": [1.0] * len(values), "edged": values})


@pytest.mark.parametrize(
    ("old", "new", "lower_is_better", "verdict"),
    [
        ((3.0, 3.1), (2.0, 2.9), True, "better"),
        ((3.0, 3.1), (2.0, 3.0), True, "within the noise"),
        ((2.0, 2.1), (2.2, 2.3), True, "worse"),
        ((2.0, 2.1), (2.2, 2.3), False, "better"),
        ((2.0, 2.1), (2.2, 2.3), None, "changed"),
        ((2.0,), (9.0, 9.1), True, "one round only"),
    ],
)
def test_only_ranges_that_are_apart_are_a_change(
    old: tuple[float, ...],
    new: tuple[float, ...],
    *,
    lower_is_better: bool | None,
    verdict: str,
) -> None:
    before, after = (
        Spread(median=sum(v) / len(v), low=min(v), high=max(v), count=len(v)) for v in (old, new)
    )
    assert judge(before, after, lower_is_better=lower_is_better) == verdict


def test_the_table_has_both_values_the_ratio_and_the_verdict() -> None:
    old, new = make_report(cpu_row(4.0, 4.2, 4.1)), make_report(cpu_row(2.0, 2.1, 2.05))
    [one] = compare_reports(old, new)
    assert one.change == pytest.approx(0.5)
    text = format_comparisons(old, [one])
    assert "4.10 (4.00..4.20) → 2.05 (2.00..2.10)" in text
    assert text.endswith("x 0.500   better")


def test_a_measure_that_one_report_lacks_is_left_out() -> None:
    other = make_row("rss", "memory", "MiB", {"edged": [1.0]})
    assert compare_reports(make_report(other), make_report(cpu_row(1.0))) == []


def test_reports_without_a_common_measure_say_so() -> None:
    assert "no measure is in both reports" in format_comparisons(make_report(), [])


def test_other_circumstances_are_named() -> None:
    old, new = make_report(machine="a Pi 4"), make_report(machine="a Pi 5")
    assert list_differences(old, new) == ["machine: a Pi 4 then, a Pi 5 now"]
    assert list_differences(old, old) == []


def test_a_file_too_large_for_a_report_is_not_a_missing_one(tmp_path: Path) -> None:
    path = tmp_path / "clip.mp4"
    path.write_bytes(bytes(2 << 20))
    with pytest.raises(EdgedError, match="not a report of edged bench: larger than"):
        read_report(path)


def test_a_kept_report_is_read_as_it_was(tmp_path: Path) -> None:
    report = make_report(cpu_row(1.0, 2.0))
    write_report(report, tmp_path / "kept.json")
    assert read_report(tmp_path / "kept.json") == report


@pytest.mark.parametrize("content", [b"", b"{}", b'{"format":"edged.bench/2"}', b"\xff"])
def test_another_file_is_refused_in_one_line(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "kept.json"
    path.write_bytes(content)
    with pytest.raises(EdgedError, match="not a report of edged bench"):
        read_report(path)
    with pytest.raises(EdgedError, match="no such report"):
        read_report(tmp_path)
