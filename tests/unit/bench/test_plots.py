"""Reports as pictures; matplotlib belongs to no environment of the project, so most machines only run the first test."""

from importlib.util import find_spec
from pathlib import Path

import pytest

from edged.bench.plots import check_plotting, write_plots
from edged.bench.report_values import BenchReport, Section
from edged.bench.results import make_row
from edged.errors import EdgedError

HAS_MATPLOTLIB = find_spec("matplotlib") is not None


@pytest.mark.skipif(HAS_MATPLOTLIB, reason="matplotlib is installed")
def test_without_matplotlib_the_error_says_how_to_install_it() -> None:
    with pytest.raises(EdgedError, match=r"pip install 'edged\[plots\]'"):
        check_plotting()


@pytest.mark.skipif(not HAS_MATPLOTLIB, reason="matplotlib is not installed")
def test_each_group_of_measures_that_was_measured_becomes_one_file(tmp_path: Path) -> None:
    values = {"bare": [1.0, 1.1], "edged": [1.2, 1.4]}
    rows = (
        make_row("cpu", "CPU a frame", "ms", values),
        make_row("share", "share", "", values),
        make_row("start", "start", "s", values),
    )
    report = BenchReport(
        machine="m",
        build="b",
        model="x.tflite",
        runtime="litert",
        frame="4x4",
        fps=30.0,
        rounds=2,
        seconds=1.0,
        sections=(Section(title="s", rows=rows),),
    )
    paths = write_plots(report, tmp_path / "plots")
    assert [path.name for path in paths] == ["bench-share.svg", "bench-cpu.svg"]
    first = [path.read_bytes() for path in paths]
    assert all(b"<svg" in content for content in first)
    assert [path.read_bytes() for path in write_plots(report, tmp_path / "plots")] == first
