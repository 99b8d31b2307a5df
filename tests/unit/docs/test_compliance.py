"""docs/compliance.md: a row for each duty of annex I, with both columns filled."""

import re
from pathlib import Path

PAGE = (Path(__file__).parents[3] / "docs" / "compliance.md").read_text("utf-8")
PROPERTIES = ("1", *(f"2{letter}" for letter in "abcdefghijklm"))
HANDLING = tuple("12345678")


def _rows(part: str) -> dict[str, list[str]]:
    section = PAGE.partition(f"## Annex I, part {part}:")[2].partition("\n## ")[0]
    rows = [[cell.strip() for cell in line.split("|")[1:-1]] for line in section.splitlines()]
    return {row[0]: row[1:] for row in rows if row and re.fullmatch(r"\d[a-m]?", row[0])}


def test_has_every_property_of_the_product() -> None:
    rows = _rows("I")
    assert tuple(rows) == PROPERTIES
    assert all(len(row) == 3 and all(row) for row in rows.values())


def test_has_every_duty_of_handling_vulnerabilities() -> None:
    rows = _rows("II")
    assert tuple(rows) == HANDLING
    assert all(len(row) == 3 and all(row) for row in rows.values())
