"""What is written as TOML is what tomllib reads."""

import tomllib
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from edged.config.toml_text import format_toml

TEXTS = st.text(st.characters(codec="utf-8"), max_size=12)
VALUES = st.recursive(
    TEXTS | st.integers(-(2**62), 2**62) | st.floats(allow_nan=False) | st.booleans(),
    lambda inner: st.lists(inner, max_size=3),
    max_leaves=5,
)
TABLES = st.recursive(
    st.dictionaries(TEXTS, VALUES, max_size=4),
    lambda inner: st.dictionaries(TEXTS, VALUES | inner, max_size=4),
    max_leaves=12,
)


@given(TABLES)
def test_every_table_is_read_as_it_was_written(table: dict[str, Any]) -> None:
    assert tomllib.loads(format_toml(table)) == table


def test_a_zone_is_written_as_a_person_writes_it() -> None:
    points = [[0.1, 0.2], [0.5, 0.2], [0.5, 0.9]]
    table = {"camera": {"front": {"zone": {"door": {"points": points, "enabled": True}}}}}
    assert format_toml(table) == (
        "[camera.front.zone.door]\npoints = [[0.1, 0.2], [0.5, 0.2], [0.5, 0.9]]\nenabled = true\n"
    )
