"""Every setting that the code declares, those of all drivers included, so that a test over them covers a new one, too."""

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import UnionType
from typing import Annotated, Any, Union, get_args, get_origin

from msgspec import Struct
from msgspec.structs import fields

from edged import registry
from edged.config.settings import Settings

KeyPath = tuple[str, ...]
CAMERA, TABLE = "walked", "entry"
_ENTRIES = {"camera": f"{CAMERA}-synthetic", "zone": f"zone-{TABLE}", "mask": f"zone-{TABLE}"}
REQUIRED: Mapping[str, Any] = {
    "host": "127.0.0.1",
    "url": "rtsp://127.0.0.1:1/1",
    "path": "/dev/null",
    "device": "/dev/null",
    "points": [[0.1, 0.1], [0.9, 0.1], [0.5, 0.9]],
}
"""Values of the keys that a table must have."""


def iter_texts() -> Iterator[tuple[KeyPath, bool]]:
    """Yield the key path of every setting that can hold a text, and whether it holds several."""
    for key_path, kind in iter_settings():
        if {str, Path} & set(_leaf_types(kind)):
            yield key_path, any(get_origin(member) is tuple for member in _members(kind))


def iter_settings() -> Iterator[tuple[KeyPath, Any]]:
    """Yield the key path of every setting, and its type."""
    yield from _iter_table(Settings, ())
    for driver in registry.CAMERAS:
        kind = registry.load_driver(registry.CAMERAS, driver).Settings
        yield from _iter_table(kind, ("camera", f"{CAMERA}-{driver}"))
    for dialect in registry.DIALECTS:
        kind = registry.load_driver(registry.DIALECTS, dialect).Settings
        yield from _iter_table(kind, ("dialect", dialect))
    for publisher in registry.PUBLISHERS:
        yield from _iter_table(
            registry.load_driver(registry.PUBLISHERS, publisher).Settings, (publisher,)
        )


def make_config(key_path: KeyPath, value: Any) -> str:
    """Return a configuration with this one setting, and all that it needs to be complete."""
    publisher = key_path[0] if key_path[0] in registry.PUBLISHERS else "jsonl"
    root: dict[str, Any] = {publisher: {}, "camera": {}}
    if publisher == "mqtt":
        root[publisher]["host"] = REQUIRED["host"]
    table = root
    for key in key_path[:-1]:
        table = table.setdefault(key, {})
        table.update(_required_keys(key))
    if not root["camera"]:
        root["camera"] = {"plain": {"source": "synthetic"}}
    table[key_path[-1]] = value
    return _format_toml(root, ())


def _required_keys(table: str) -> dict[str, Any]:
    if table.startswith(f"{CAMERA}-"):
        driver = table.removeprefix(f"{CAMERA}-")
        kind = registry.load_driver(registry.CAMERAS, driver).Settings
        needed = {field.name for field in fields(kind) if field.required}
        return {"source": driver, **{key: REQUIRED[key] for key in sorted(needed)}}
    return {"points": REQUIRED["points"]} if table == "zone-entry" else {}


def _iter_table(kind: type[Struct], prefix: KeyPath) -> Iterator[tuple[KeyPath, Any]]:
    for field in fields(kind):
        key_path = (*prefix, field.name)
        members = list(_members(field.type))
        if field.name in ("publisher", "dialect"):
            continue  # the loader fills them from the drivers' own tables
        structs = [one for one in members if isinstance(one, type) and issubclass(one, Struct)]
        tables = [get_args(one)[1] for one in members if get_origin(one) is dict]
        for struct in structs:
            if struct is not Struct:
                yield from _iter_table(struct, key_path)
        for value in tables:
            yield from _iter_named_table(value, key_path, field.name)
        if not structs and not tables:
            yield key_path, field.type


def _iter_named_table(value: Any, key_path: KeyPath, name: str) -> Iterator[tuple[KeyPath, Any]]:
    entry = _ENTRIES.get(name, TABLE)
    if isinstance(value, type) and issubclass(value, Struct):
        yield from _iter_table(value, (*key_path, entry))
    else:
        yield (*key_path, entry), value


def _members(annotation: Any) -> Iterator[Any]:
    while get_origin(annotation) is Annotated:
        annotation = get_args(annotation)[0]
    if get_origin(annotation) in (Union, UnionType):
        for part in get_args(annotation):
            yield from _members(part)
    elif annotation is not type(None):
        yield annotation


def _leaf_types(annotation: Any) -> Iterator[Any]:
    for member in _members(annotation):
        if get_args(member) and get_origin(member) is not None:
            for part in get_args(member):
                yield from _leaf_types(part)
        else:
            yield member


def _format_toml(table: Mapping[str, Any], prefix: KeyPath) -> str:
    plain = {key: value for key, value in table.items() if not isinstance(value, dict)}
    tables = {key: value for key, value in table.items() if isinstance(value, dict)}
    lines = [f"[{'.'.join(map(json.dumps, prefix))}]"] if prefix else []
    lines += [f"{json.dumps(key)} = {json.dumps(value)}" for key, value in plain.items()]
    texts = ["\n".join(lines), *(_format_toml(one, (*prefix, key)) for key, one in tables.items())]
    return "\n".join(texts)
