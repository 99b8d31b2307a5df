"""docs/reference/configuration.md: it is what the settings declare."""

from pathlib import Path

from edged import registry
from edged.config.reference import find_tables, reference_markdown
from edged.config.settings_reader import table_keys

PAGE = Path(__file__).parents[3] / "docs" / "reference" / "configuration.md"


def test_the_page_is_current() -> None:
    assert PAGE.read_text("utf-8") == reference_markdown(), "run python -m edged.config.reference"


def test_has_every_driver_and_publisher() -> None:
    text = reference_markdown()
    for source in registry.CAMERAS:
        assert f'## `[camera.NAME]` with `source = "{source}"`\n' in text
    for publisher in registry.PUBLISHERS:
        assert f"## `[{publisher}]`\n" in text


def test_describes_every_key() -> None:
    rows = [line for line in reference_markdown().splitlines() if line.startswith("| `")]
    undescribed = [line for line in rows if line.endswith("|  |")]
    assert undescribed == []


def test_a_row_has_type_bounds_default_and_effect() -> None:
    assert (
        "| `min_hits` | a whole number from 1 to 100 | `3` | objects begin again |"
        in reference_markdown()
    )
    assert "| `host` | a string of at least 1 character | **required** | after a restart |" in (
        reference_markdown()
    )
    assert "a whole number of at least 0 and below 2147483648" in reference_markdown()


def test_a_table_with_keys_of_its_own_has_a_section() -> None:
    text = reference_markdown()
    for table in find_tables():
        keys = [key for key in table_keys(table.kind) if f"| `{key}` |" in text]
        assert not keys or f"## `[{'.'.join(table.path)}]`" in text
