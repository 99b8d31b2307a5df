"""docs/troubleshooting.md: every condition has its place, and every quoted message is one that edged prints."""

import re
from pathlib import Path

import pytest

from edged.health import CONDITIONS, ConditionKind
from support.message_texts import find_texts

ROOT = Path(__file__).parents[3]
PAGE = (ROOT / "docs" / "troubleshooting.md").read_text("utf-8")
_TABLE = re.compile(r"^\| it says \|.*\n\|---\|---\|\n((?:\|.*\n)+)", re.MULTILINE)
_QUOTED = re.compile(r"^\| (`+) ?(.+?) ?\1 \| ", re.MULTILINE)
QUOTED = [text for table in _TABLE.findall(PAGE) for _, text in _QUOTED.findall(table)]
MIN_QUOTED_CHARS = 8


@pytest.fixture(scope="module")
def texts() -> str:
    return "\n".join(find_texts(ROOT / "edged"))


@pytest.mark.parametrize("kind", ConditionKind)
def test_every_condition_has_a_section_with_advice(kind: ConditionKind) -> None:
    heading = f"\n### `{kind.name_of(CONDITIONS[kind].subject)}`\n"
    assert heading in PAGE, f"docs/troubleshooting.md has no {heading.strip()}"
    section = re.split(r"\n##+ ", PAGE.partition(heading)[2])[0]
    assert _TABLE.search(section), f"{heading.strip()} has no table of what it says and what to do"


def test_the_page_names_no_other_condition() -> None:
    known = {kind.name_of(described.subject) for kind, described in CONDITIONS.items()}
    assert set(re.findall(r"\n### `([^`]+)`\n", PAGE)) == known


@pytest.mark.parametrize("quoted", QUOTED)
def test_a_quoted_message_is_one_that_edged_prints(quoted: str, texts: str) -> None:
    assert len(quoted) >= MIN_QUOTED_CHARS
    assert quoted in texts


def test_an_invented_message_is_found_out(texts: str) -> None:
    assert "the camera … is tired" not in texts


def test_every_row_quotes_a_message() -> None:
    assert len(QUOTED) == sum(len(table.splitlines()) for table in _TABLE.findall(PAGE))
