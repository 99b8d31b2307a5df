"""The form of the code: every figure of `make figures` is within its limit, and docs/architecture.md has the floors of the import contract.

``-m "not figures"`` leaves these tests out.
"""

from pathlib import Path

import pytest

from figures.figure import Figure
from figures.floors import update_document
from figures.report import measure

pytestmark = pytest.mark.figures

ROOT = Path(__file__).parents[2]
FIGURES = (
    "files over 250 lines",
    "functions over 60 lines",
    "function length, 90th percentile",
    "import cycles of modules and packages",
    "docstrings whose first line is a fragment",
    "Args where due",
    "Raises where due",
    "shapes and dtypes of arrays",
    "class names used twice",
    "banned words in names",
    "banned phrases in documentation",
    "banned words in contract fields",
)


@pytest.fixture(scope="module")
def figures() -> dict[str, Figure]:
    return {figure.name.partition(" (")[0]: figure for figure in measure(ROOT)}


def test_every_figure_has_a_test(figures: dict[str, Figure]) -> None:
    assert tuple(figures) == FIGURES


@pytest.mark.parametrize("name", FIGURES)
def test_a_figure_is_within_its_limit(figures: dict[str, Figure], name: str) -> None:
    figure = figures[name]
    if not figure.holds:
        pytest.fail("\n".join([figure.line(), *figure.places]), pytrace=False)


def test_the_table_of_floors_is_the_import_contract() -> None:
    text = (ROOT / "docs" / "architecture.md").read_text("utf-8")
    assert update_document(ROOT, text) == text, "run PYTHONPATH=tests python -m figures.floors"
