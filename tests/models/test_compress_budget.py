"""The choice of a row within a budget."""

import pytest
from msgspec import structs
from test_compress_rules import row

from edged_models.compression.budget import choose_row, parse_budget
from edged_models.compression.comparison import ComparisonTable
from edged_models.compression.fine_tune_settings import FineTuneSettings
from edged_models.compression.machine import describe_machine

KIB = 1024


@pytest.fixture(scope="module")
def table() -> ComparisonTable:
    rows = (
        row("float32", kib=400, ap50=(0.9,), ms=(4.0, 3.0)),
        row("int8", kib=100, ap50=(0.895,), ms=(1.0, 9.0)),
        row("narrow", kib=50, ap50=(0.88, 0.92), ms=(0.5, 4.0)),
        row("ruined", kib=20, ap50=(0.1,), ms=(0.4, None)),
    )
    return ComparisonTable(
        checkpoint="net.npz",
        digest="0",
        side_px=(32, 32),
        pictures="p",
        tuning=FineTuneSettings(),
        seeds=1,
        machine=describe_machine(),
        rows=rows,
        omitted=(),
        seconds=1.0,
    )


@pytest.mark.parametrize(
    ("budget", "name"),
    [
        ("size<=500KB", "float32"),  # the most accurate
        ("size<=110KB", "int8"),
        ("drop<=0.01", "int8"),  # the smallest
        ("drop<=2%", "narrow"),  # its file, not the mean of its seeds
        ("drop<=0.01,litert<=5ms", "int8"),
        ("drop <= 0.01, tflite <= 5ms", "float32"),
        ("accuracy>=0.85,size<=0.06MB", "narrow"),
        ("tflite<=5", "float32"),
        ("litert-ram<=4MiB,deflated<=26KiB", "narrow"),
    ],
)
def test_the_best_row_within_a_budget(table: ComparisonTable, budget: str, name: str) -> None:
    chosen = choose_row(table, parse_budget(budget))
    assert chosen.choice
    assert chosen.choice.name == name
    assert chosen.choice.model == f"{name}.tflite"
    assert budget.replace(" ", "").replace(",", ", ") in chosen.choice.reason


def test_a_budget_that_no_row_meets_names_the_nearest_one(table: ComparisonTable) -> None:
    chosen = choose_row(table, parse_budget("size<=60KB,drop<=0.01"))
    assert chosen.choice is None
    assert "no row is within size<=60KB, drop<=0.01" in chosen.unmet_budget
    assert "float32 comes nearest and misses size<=60KB" in chosen.unmet_budget


def test_a_row_that_the_runtime_refuses_meets_no_limit_of_it(table: ComparisonTable) -> None:
    chosen = choose_row(table, parse_budget("tflite<=1s,size<=30KiB"))
    assert chosen.choice is None


def test_a_drop_needs_the_float_row(table: ComparisonTable) -> None:
    chosen = choose_row(structs.replace(table, rows=table.rows[1:]), parse_budget("drop<=0.01"))
    assert "add it to --only" in chosen.unmet_budget


@pytest.mark.parametrize(
    ("budget", "message"),
    [
        ("", "is no limit"),
        ("size=5", "is no limit"),
        ("weight<=5", "there is no quantity 'weight'"),
        ("size<=5ms", "unknown unit 'ms'"),
        ("size>=5KB", "takes <="),
        ("accuracy<=0.5", "takes >="),
    ],
)
def test_a_wrong_budget_is_explained(budget: str, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        parse_budget(budget)
