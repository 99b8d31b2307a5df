"""The shipped configuration is the documentation: it shows every setting with its default and bounds, and nothing else."""

import re
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, get_args, get_origin

import msgspec
import pytest
from msgspec import NODEFAULT, Struct
from msgspec.structs import FieldInfo

from edged import bundled, registry
from edged.config.load import load_config
from edged.config.settings import CameraSettings, ModelSettings, Settings
from edged.config.settings_reader import table_keys
from edged.config.validate import read_settings

TEXT = bundled.config_path().read_text(encoding="utf-8")
UNCOMMENTED = re.sub(r"(?m)^#(?=\[|\w+ = )", "", TEXT)
ACTIVE = tomllib.loads(TEXT)
EVERYTHING = tomllib.loads(UNCOMMENTED)


@dataclass(frozen=True)
class SettingsTable:
    """A table of the configuration: its path, with ``*`` for any name, and its class of settings."""

    path: tuple[str, ...]
    kind: type[Struct]
    source: str = ""

    def __str__(self) -> str:
        return ".".join(self.path) + self.source

    def find_in(self, whole: dict[str, Any]) -> list[dict[str, Any]]:
        found = [whole]
        for step in self.path:
            inner = [value for table in found for key, value in table.items() if step in (key, "*")]
            found = [table for table in inner if isinstance(table, dict)]
        return [table for table in found if self.source in ("", table.get("source"))]


def _tables() -> Iterator[SettingsTable]:
    yield from _with_inner(SettingsTable((), Settings))
    for name in registry.PUBLISHERS:
        yield from _with_inner(
            SettingsTable((name,), registry.load_driver(registry.PUBLISHERS, name).Settings)
        )
    for name in registry.DIALECTS:
        yield SettingsTable(
            ("dialect", name), registry.load_driver(registry.DIALECTS, name).Settings
        )
    for source in registry.CAMERAS:
        yield SettingsTable(
            ("camera", "*"), registry.load_driver(registry.CAMERAS, source).Settings, source
        )


def _with_inner(table: SettingsTable) -> Iterator[SettingsTable]:
    yield table
    for key, field in table_keys(table.kind).items():
        for steps, kind in _structs(field.type):
            yield from _with_inner(SettingsTable((*table.path, key, *steps), kind))


def _structs(annotation: Any) -> Iterator[tuple[tuple[str, ...], type[Struct]]]:
    """Yield the structs in a field's type, with the steps from the field to them."""
    if isinstance(annotation, type) and issubclass(annotation, Struct):
        yield (), annotation
    step = ("*",) if get_origin(annotation) is dict else ()
    for part in get_args(annotation):
        yield from (((*step, *steps), kind) for steps, kind in _structs(part))


TABLES = list(_tables())
NAMES = {"family": {"auto", *registry.FAMILIES}, "runtime": {"auto", *registry.INTERPRETERS}}
SETTINGS = [
    pytest.param(table, field, id=f"{table}.{key}")
    for table in TABLES
    for key, field in table_keys(table.kind).items()
]


def test_loads_as_it_is_shipped() -> None:
    loaded = load_config(bundled.config_path())

    assert list(loaded.settings.camera) == ["demo"]
    assert loaded.settings.model.path is None
    assert loaded.warnings == ()


@pytest.mark.parametrize("publisher", registry.PUBLISHERS)
@pytest.mark.parametrize("labels", ["labels", "labels_file"])
def test_loads_with_everything_in_it_but_one_of_each_alternative(
    publisher: str, labels: str, tmp_path: Path
) -> None:
    table = tomllib.loads(UNCOMMENTED)
    del table["model"][labels]
    for other in registry.PUBLISHERS.keys() - {publisher}:
        del table[other]

    _, problems = read_settings(table, tmp_path.joinpath)

    assert problems == []


@pytest.mark.parametrize(("table", "field"), SETTINGS)
def test_shows_the_setting_at_its_default(table: SettingsTable, field: FieldInfo) -> None:
    shown = [
        written[field.encode_name]
        for written in table.find_in(EVERYTHING)
        if field.encode_name in written
    ]

    assert shown, f"{table}.{field.encode_name} is not in the file"
    chosen = any(field.encode_name in written for written in table.find_in(ACTIVE))
    if not chosen and field.default not in (NODEFAULT, None):
        assert field.default in [msgspec.convert(value, field.type) for value in shown]


@pytest.mark.parametrize(("table", "field"), SETTINGS)
def test_states_the_bounds_above_the_setting(table: SettingsTable, field: FieldInfo) -> None:
    bounds = {f"{bound:g}" for bound in _bounds(field.type)}
    stated = [
        set(re.findall(r"\d+(?:\.\d+)?", prose)) for prose in _comments_above(field.encode_name)
    ]

    assert any(bounds <= numbers for numbers in stated) or not bounds, f"{table}: {bounds}"


@pytest.mark.parametrize(("table", "field"), SETTINGS)
def test_states_the_choices_above_the_setting(table: SettingsTable, field: FieldInfo) -> None:
    choices = {str(value) for k in _value_types(field.type) for value in getattr(k, "values", ())}
    if table.kind is ModelSettings:
        choices |= NAMES.get(field.encode_name, set())

    stated = [{c for c in choices if c in prose} for prose in _comments_above(field.encode_name)]
    assert choices in stated or not choices, f"{table}: {choices}"


def _bounds(annotation: Any) -> set[float]:
    """Return the smallest and the largest value of a number; not those of numbers in an array."""
    bounds = {
        getattr(k, name, None) for k in _value_types(annotation) for name in ("ge", "gt", "le")
    }
    return {bound for bound in bounds if bound is not None}


def _value_types(annotation: Any) -> tuple[msgspec.inspect.Type, ...]:
    kind = msgspec.inspect.type_info(annotation)
    while isinstance(kind, msgspec.inspect.Metadata):
        kind = kind.type
    return kind.types if isinstance(kind, msgspec.inspect.UnionType) else (kind,)


def _comments_above(key: str) -> Iterator[str]:
    """Yield the nearest comment above each line that sets `key`."""
    lines = TEXT.splitlines()
    for number, line in enumerate(lines):
        if re.match(rf"#?{key} = ", line):
            above = [n for n in range(number) if lines[n].startswith("# ")]
            first = last = above.pop()
            while above and above[-1] == first - 1:
                first = above.pop()
            yield " ".join(lines[first : last + 1])


@pytest.mark.parametrize("table", [t for t in TABLES if t.source], ids=str)
def test_no_camera_driver_wants_a_key_that_all_cameras_have(table: SettingsTable) -> None:
    assert not table_keys(table.kind).keys() & table_keys(CameraSettings).keys()


def test_no_publisher_is_named_like_a_table_of_settings() -> None:
    assert not registry.PUBLISHERS.keys() & table_keys(Settings).keys()
