"""The form of the code: the figures of `make figures` hold, and docs/architecture.md has the floors of the import contract."""

from pathlib import Path

from figures.floors import update_document
from figures.report import measure

ROOT = Path(__file__).parents[2]


def test_every_figure_holds() -> None:
    broken = [figure for figure in measure(ROOT) if not figure.holds]
    assert not broken, "\n".join(
        line for figure in broken for line in (figure.line(), *figure.places)
    )


def test_the_table_of_floors_is_the_import_contract() -> None:
    text = (ROOT / "docs" / "architecture.md").read_text("utf-8")
    assert update_document(ROOT, text) == text, "run PYTHONPATH=tests python -m figures.floors"
