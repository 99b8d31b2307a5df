"""The rules of the comparison: Pareto fronts, records of an earlier run, and formatting."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import structs

from edged_models.compression.build_messages import (
    BuildJob,
    BuildResult,
    FileFacts,
    NetworkSpec,
    Quality,
)
from edged_models.compression.comparison import (
    ComparisonTable,
    Cost,
    OmittedTechnique,
    TableRow,
    VariantRecord,
    mark_pareto_fronts,
)
from edged_models.compression.comparison_text import format_markdown, format_terminal
from edged_models.compression.fine_tune_settings import FineTuneSettings
from edged_models.compression.machine import Machine, describe_machine
from edged_models.compression.pareto import find_pareto_front
from edged_models.compression.plot import draw_table
from edged_models.compression.record_store import RecordStore
from edged_models.compression.techniques import GRID, select_techniques
from edged_models.errors import ToolError

POINTS = st.lists(st.tuples(st.integers(0, 9).map(float), st.integers(0, 9).map(float)))


def test_front_of_known_points() -> None:
    points = [
        (1, 0.5),  # cheapest
        (2, 0.4),  # costs more and gains less
        (3, 0.9),  # costs more and gains more
        (1, 0.3),  # costs the same and gains less
    ]
    assert find_pareto_front(points) == [True, False, True, False]


def test_equal_points_are_both_on_the_front() -> None:
    assert find_pareto_front([(1, 0.5), (1, 0.5)]) == [True, True]


@given(POINTS)
def test_the_front_dominates_the_rest_and_not_itself(points: list[tuple[float, float]]) -> None:
    on_front = find_pareto_front(points)
    front = [point for point, is_on in zip(points, on_front, strict=True) if is_on]
    assert bool(front) == bool(points)
    for point, is_on in zip(points, on_front, strict=True):
        dominated = any(f != point and f[0] <= point[0] and f[1] >= point[1] for f in front)
        assert dominated is not is_on


FACTS = FileFacts(zero_share=0.25, max_distinct=16, ops=9, float_ops=0, edgetpu_ops=7)


def qualities(*ap50: float) -> tuple[Quality, ...]:
    return tuple(Quality(pictures="p", measure="AP50", value=one, ap=one / 2) for one in ap50)


def row(
    name: str, *, kib: int, ap50: tuple[float, ...], ms: tuple[float | None, float]
) -> TableRow:
    return TableRow(
        name=name,
        title=f"the {name}",
        model=f"{name}.tflite",
        parameters=1000,
        remark=None,
        file_bytes=1024 * kib,
        deflated_bytes=512 * kib,
        facts=FACTS,
        qualities=qualities(*ap50),
        costs=tuple(
            Cost(runtime=runtime, latency_ms=each, ram_mib=3.25)
            for runtime, each in zip(("litert", "tflite"), ms, strict=True)
        ),
    )


@pytest.fixture
def table() -> ComparisonTable:
    rows = mark_pareto_fronts(
        [
            row("float", kib=400, ap50=(0.9,), ms=(4.0, 3.0)),
            row("int8", kib=100, ap50=(0.89,), ms=(1.0, 9.0)),
            row("less-accurate", kib=100, ap50=(0.5,), ms=(1.5, 2.0)),
        ]
    )
    return ComparisonTable(
        checkpoint="net.npz",
        digest="0123456789abcdef",
        side_px=(256, 256),
        pictures="scenes:held-out:9",
        tuning=FineTuneSettings(steps=7),
        seeds=1,
        machine=Machine(
            processor="A Processor", cores=1, system="Linux x", python="3", runtimes={"litert": "2"}
        ),
        rows=rows,
        omitted=(OmittedTechnique(name="low-rank-90", reason="nothing to factorise"),),
        seconds=1.5,
    )


def test_each_cost_has_its_own_front(table: ComparisonTable) -> None:
    assert [one.pareto_fronts for one in table.rows] == [
        ("size", "deflated", "litert", "tflite"),
        ("size", "deflated", "litert"),
        ("tflite",),
    ]


def test_measurement_noise_puts_no_row_on_the_front() -> None:
    accurate = row("accurate", kib=100, ap50=(0.8,), ms=(1.10, 15.0))
    inaccurate = row("inaccurate", kib=100, ap50=(0.7,), ms=(1.09, 14.0))
    assert [one.pareto_fronts for one in mark_pareto_fronts([accurate, inaccurate])] == [
        ("size", "deflated", "litert", "tflite"),
        ("tflite",),
    ]


def test_markdown_is_a_table_with_the_machine_named(table: ComparisonTable) -> None:
    lines = format_markdown(table).splitlines()
    assert lines[0].startswith("| technique | KiB | deflated KiB | AP50 | AP | litert ms |")
    assert lines[3] == (
        "| the int8 | 100 | 50 | 0.890 | 0.445 | 1.00 | 9.00 | 3.2 | 3.2 | 25.0% | 16 | 0 | 7 of 9 | size, deflated, litert |"
    )
    assert len({line.count("|") for line in lines[:5]}) == 1
    assert "Machine: A Processor, 1 core, Linux x, Python 3, litert 2." in "\n".join(lines)
    assert lines[-1] == "Omitted, low-rank-90: nothing to factorise"


def test_terminal_columns_are_aligned(table: ComparisonTable) -> None:
    lines = format_terminal(table)[:4]
    assert len({line.index("0.") for line in lines[1:]}) == 1


def test_the_same_table_gives_the_same_plot(table: ComparisonTable, tmp_path: Path) -> None:
    for name in ("a.png", "b.png"):
        draw_table(table, tmp_path / name)
    first = (tmp_path / "a.png").read_bytes()
    assert first.startswith(b"\x89PNG")
    assert first == (tmp_path / "b.png").read_bytes()
    with pytest.raises(ToolError, match="cannot write"):
        draw_table(table, tmp_path / "a.png" / "below-a-file.png")


def test_the_machine_is_described() -> None:
    machine = describe_machine()
    assert machine.processor
    assert machine.cores >= 1
    assert set(machine.runtimes) == {"litert", "tflite"}


def test_the_checkpoints_own_input_size_is_no_technique() -> None:
    names = [technique.name for technique in select_techniques(None, side_px=256)]
    assert "input-256" not in names
    assert "input-192" in names
    assert [t.name for t in select_techniques(("qat", "int8"), side_px=256)] == ["int8", "qat"]


def job_in(folder: Path) -> BuildJob:
    return BuildJob(
        technique=GRID[3],
        network=NetworkSpec(path="net.npz", digest="d"),
        calibration=None,
        tuning=FineTuneSettings(),
        out=str(folder / "int8.tflite"),
    )


def with_network(job: BuildJob, **changes: str) -> BuildJob:
    return structs.replace(job, network=structs.replace(job.network, **changes))


def test_a_record_is_found_for_the_same_job_and_file(tmp_path: Path) -> None:
    job, records = job_in(tmp_path), RecordStore(tmp_path / "records")
    assert records.find(job) is None
    Path(job.out).write_bytes(b"abc")
    built = BuildResult(
        job="int8",
        facts=FACTS,
        parameters=1,
        remark=None,
        sha256="ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad",
        file_bytes=3,
        deflated_bytes=3,
    )
    records.save(VariantRecord(job=job, built=built))
    assert records.find(job) == VariantRecord(job=job, built=built)
    assert records.find(with_network(job, path="elsewhere/net.npz")) is not None
    assert records.find(structs.replace(job, tuning=FineTuneSettings(steps=1))) is None
    assert records.find(with_network(job, digest="e")) is None
    Path(job.out).write_bytes(b"abd")
    assert records.find(job) is None


def test_a_damaged_record_is_ignored(tmp_path: Path) -> None:
    job = job_in(tmp_path)
    Path(job.out).write_bytes(b"abc")
    (tmp_path / "int8.json").write_bytes(b"{")
    assert RecordStore(tmp_path).find(job) is None


def test_several_seeds_are_printed_with_their_spread(table: ComparisonTable) -> None:
    spread = row("int8", kib=100, ap50=(0.5, 0.7, 0.9), ms=(1.0, 9.0))
    printed = format_markdown(structs.replace(table, rows=(spread,), seeds=3))
    assert "| 0.700 (0.500 to 0.900) | 0.350 |" in printed
    assert "3 seeds from 1" in printed


def test_a_file_that_a_runtime_refuses_is_on_no_front_of_it(table: ComparisonTable) -> None:
    refused = row("new", kib=10, ap50=(0.99,), ms=(None, 9.0))
    cost = structs.replace(refused.costs[0], ram_mib=None, refusal="an unknown op")
    refused = structs.replace(refused, costs=(cost, refused.costs[1]))
    rows = mark_pareto_fronts([refused, table.rows[1]])
    assert rows[0].pareto_fronts == ("size", "deflated", "tflite")
    printed = format_markdown(structs.replace(table, rows=rows))
    assert "| not run |" in printed
    assert "litert does not run new.tflite: an unknown op" in printed


def test_a_refused_file_leaves_the_plot_whole(table: ComparisonTable, tmp_path: Path) -> None:
    refused = row("new", kib=10, ap50=(0.99,), ms=(None, 9.0))
    draw_table(structs.replace(table, rows=(refused, *table.rows)), tmp_path / "a.svg")
    assert (tmp_path / "a.svg").read_text().rstrip().endswith("</svg>")
