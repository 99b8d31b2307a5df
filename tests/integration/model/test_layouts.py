"""Every layout that people have, made as a small file: what docs/models-supported.md says of it is what edged does."""

import pytest

from edged.model.refusal.message import MAX_MESSAGE_CHARS
from edged.registry import FAMILIES
from support.layout_table import DOCUMENT, RUNTIMES, parse_results, update_document

pytestmark = pytest.mark.runtime


@pytest.fixture(scope="module")
def document() -> str:
    return DOCUMENT.read_text(encoding="utf-8")


def test_the_table_is_that_of_today(document: str) -> None:
    assert update_document(document) == document, (
        "run PYTHONPATH=tests python -m support.layout_table in the environment of each runtime"
    )


def test_each_family_runs_in_every_type_and_each_refusal_is_one_short_sentence(
    document: str,
) -> None:
    results = parse_results(document)
    running = {result for _, result in results if result.startswith("**runs**")}
    assert running == {f"**runs** as `{name}`" for name in FAMILIES}
    for (layout, result), types in results.items():
        assert set(types.values()) == {"all types"}, f"{layout} depends on its type"
        assert set(types) == set(RUNTIMES), f"{layout} depends on the runtime"
        assert len(result.removeprefix("refused: ")) <= MAX_MESSAGE_CHARS
