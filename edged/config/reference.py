"""The reference of all settings, docs/reference/configuration.md; ``python -m edged.config.reference`` writes it, and a test compares it.

It consists of what the settings declare: types, bounds, defaults and descriptions, and the effect of a reload.
"""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, get_args, get_origin

import msgspec
from msgspec import NODEFAULT, Struct
from msgspec.structs import FieldInfo

from edged import registry
from edged.config.describe import describe_type
from edged.config.reload_effects import ReloadEffect, effect_of
from edged.config.settings import Settings
from edged.config.settings_reader import table_keys

_EFFECTS = {
    ReloadEffect.LIVE: "at once",
    ReloadEffect.SCENES: "objects begin again",
    ReloadEffect.CAMERA_WORKERS: "the camera's worker is replaced",
    ReloadEffect.ALL_WORKERS: "all workers are replaced",
    ReloadEffect.RESTART: "after a restart",
}
_PLACEHOLDERS = {"camera": "NAME"}
_SUMMARY = re.compile(
    r"\[(?P<table>[^\]]*)\](?: with ``[^`]*``)?(?:, and \[(?P<other>[^\]]*)\], which overrides it key by key)?[:;.]?\s*(?P<rest>.*)"
)
_INTRODUCTION = """# All settings

Every table and key of the configuration, made from the settings' own declarations by `python -m edged.config.reference`.
[The configuration's page](../configuration.md) explains files, layers and reloads; [deploy/edged.toml](../../deploy/edged.toml) is the shipped file with all of them.

The column *reload* is what a changed value does on `systemctl reload edged`:
"""


@dataclass(frozen=True, slots=True)
class SettingsTable:
    """One table of the configuration.

    Attributes:
        path: its keys, with a placeholder in upper case for a name that the user chooses.
        kind: the class of its settings.
        source: the camera driver whose keys these are, in the table of a camera; "" for other tables.
    """

    path: tuple[str, ...]
    kind: type[Struct]
    source: str = ""


def find_tables() -> Iterator[SettingsTable]:
    """Return every table, with those of the camera drivers and publishers, in the order of the settings."""
    for key, field in table_keys(Settings).items():
        for path, kind in _find_structs((key,), field.type):
            yield from _with_inner(SettingsTable(path, kind))
        if key == "camera":
            for source in registry.CAMERA_SETTINGS:
                kind = registry.load_driver(registry.CAMERA_SETTINGS, source)
                yield SettingsTable(("camera", "NAME"), kind, source)
    for name in registry.DIALECTS:
        kind = registry.load_driver(registry.DIALECTS, name).Settings
        yield SettingsTable(("dialect", name), kind)
    for name in registry.PUBLISHER_SETTINGS:
        kind = registry.load_driver(registry.PUBLISHER_SETTINGS, name)
        yield from _with_inner(SettingsTable((name,), kind))


def reference_markdown() -> str:
    """Return the page."""
    legend = [f"- *{words}*: {effect.value}" for effect, words in _EFFECTS.items()]
    sections = [_format_table(table) for table in find_tables() if _rows(table)]
    return "\n".join([_INTRODUCTION, *legend, "", *sections])


def _with_inner(table: SettingsTable) -> Iterator[SettingsTable]:
    yield table
    for key, field in table_keys(table.kind).items():
        for path, kind in _find_structs((*table.path, key), field.type):
            yield from _with_inner(SettingsTable(path, kind))


def _find_structs(
    path: tuple[str, ...], annotation: Any
) -> Iterator[tuple[tuple[str, ...], type[Struct]]]:
    """Return the tables in the type of a key, each with its path."""
    if isinstance(annotation, type) and issubclass(annotation, Struct):
        yield path, annotation
    named = get_origin(annotation) is dict
    inner = (*path, _PLACEHOLDERS.get(path[-1], path[-1].upper())) if named else path
    for part in get_args(annotation):
        yield from _find_structs(inner, part)


def _format_table(table: SettingsTable) -> str:
    name = ".".join(table.path)
    source = f' with `source = "{table.source}"`' if table.source else ""
    head = ["| key | value | default | reload | |", "|---|---|---|---|---|"]
    summary = _summarise(table.kind, name)
    return "\n".join([f"## `[{name}]`{source}", "", *summary, *head, *_rows(table), ""])


def _summarise(kind: type[Struct], name: str) -> list[str]:
    """Return what the class says about its table, in sentences, and an empty line; nothing if it only names the table."""
    found = _SUMMARY.match((kind.__doc__ or "").partition("\n")[0])
    if found is None:
        return []
    other = found["other"]
    layers = f"Overrides `[{found['table']}]` key by key. " if other == name else ""
    if other and other != name:
        layers = f"`[{other}]` overrides it key by key. "
    text = layers + found["rest"][:1].upper() + found["rest"][1:]
    return [text.strip(), ""] if text.strip() else []


def _rows(table: SettingsTable) -> list[str]:
    return [
        _format_row(table, key, field)
        for key, field in table_keys(table.kind).items()
        if not any(_find_structs((key,), field.type))
    ]


def _format_row(table: SettingsTable, key: str, field: FieldInfo) -> str:
    cells = (
        f"`{key}`",
        describe_type(field.type),
        _format_default(field),
        _EFFECTS[effect_of(".".join((*table.path, key)))],
        _find_description(field.type),
    )
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"


def _format_default(field: FieldInfo) -> str:
    value = field.default
    if field.default_factory is not NODEFAULT:
        value = field.default_factory()
    if value is NODEFAULT:
        return "**required**"
    if value is None:
        return "not set"
    return f"`{json.dumps(msgspec.to_builtins(value), ensure_ascii=False)}`"


def _find_description(annotation: Any) -> str:
    """Return the description in the outermost metadata of a type that has one."""
    for note in (n for n in get_args(annotation) if isinstance(n, msgspec.Meta)):
        if note.description:
            return note.description
    return ""


def main() -> None:
    """Write the page in this checkout."""
    page = Path(__file__).parents[2] / "docs" / "reference" / "configuration.md"
    page.parent.mkdir(exist_ok=True)
    page.write_text(reference_markdown(), encoding="utf-8")


if __name__ == "__main__":
    main()
