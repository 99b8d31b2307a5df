"""The collection's TOML writer: whatever can be read from TOML is written so that it reads the same."""

import tomllib
from datetime import UTC, date, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from support.simulated_fleet import import_plugin

toml = import_plugin("plugin_utils.toml")

_scalars = (
    st.booleans()
    | st.integers(-(1 << 63), (1 << 63) - 1)
    | st.floats(allow_nan=False)
    | st.text(st.characters(exclude_categories=["Cs"]))
    | st.datetimes(timezones=st.just(UTC))
)
_keys = st.text(st.characters(exclude_categories=["Cs"]), max_size=8)
_values = st.recursive(
    _scalars, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(_keys, inner, max_size=4)
)


@given(st.dictionaries(_keys, _values, max_size=5))
def test_what_is_written_reads_the_same(table: dict[str, Any]) -> None:
    assert tomllib.loads(toml.write_toml(table)) == table


def test_a_configuration_is_formatted_as_people_write_it() -> None:
    table = {
        "device": {"name": "porch"},
        "mqtt": {"host": "broker", "tls": {"ca": "ca.crt"}},
        "camera": {"front": {"fps": 5.0, "zone": {"door": {"points": [[0.5, 0], [1, 1]]}}}},
    }
    assert toml.write_toml(table) == (
        '[device]\nname = "porch"\n\n[mqtt]\nhost = "broker"\n\n[mqtt.tls]\nca = "ca.crt"\n\n'
        "[camera.front]\nfps = 5.0\n\n[camera.front.zone.door]\npoints = [[0.5, 0], [1, 1]]\n"
    )


@pytest.mark.parametrize(
    ("table", "reason"),
    [
        ({"mqtt": {"port": None}}, "mqtt.port is null: omit the key"),
        ({"a": [{"b": {1, 2}}]}, "a.b is {1, 2}, which TOML cannot represent"),
        ({"n": 1 << 63}, "n is 9223372036854775808, which TOML cannot represent"),
        ({"a": {5: 1}}, "the key 5 is not text: put it in quotes"),
    ],
)
def test_what_toml_cannot_express_is_named(table: dict[Any, Any], reason: str) -> None:
    with pytest.raises(toml.TomlError) as caught:
        toml.write_toml(table)
    assert str(caught.value) == reason


def test_a_date_is_one() -> None:
    document = toml.write_toml({"day": date(2026, 1, 2), "at": datetime(2026, 1, 2, 3, tzinfo=UTC)})
    assert tomllib.loads(document)["day"] == date(2026, 1, 2)
