"""Turns the merged TOML table into `Settings`, with each driver's own keys in the driver's own class."""

from collections.abc import Callable, Collection, Mapping
from pathlib import Path
from typing import Any

from msgspec import Struct
from msgspec.structs import replace

from edged import registry
from edged.config.describe import describe_value
from edged.config.problems import KeyPath, KeyProblem, closest_name, format_choices, suggest_name
from edged.config.rules import check_rules
from edged.config.settings import CameraSettings, Name, Settings
from edged.config.settings_reader import SettingsReader, table_keys


def read_settings(
    table: Mapping[str, Any], resolve: Callable[[str], Path]
) -> tuple[Settings, list[KeyProblem]]:
    """Read a whole configuration.

    Args:
        table: the merged tables of all files.
        resolve: turns a path in a file into an absolute one.

    Returns:
        The settings, with defaults in place of invalid values, and all problems. The settings may be used only if there are no
        problems.
    """
    reader = SettingsReader(resolve)
    drivers = ("camera", "dialect", *registry.PUBLISHERS)
    common = {key: value for key, value in table.items() if key not in drivers}
    settings = replace(
        reader.read_struct(Settings, common, (), other_keys=("dialect", *registry.PUBLISHERS))
        or Settings(),
        camera=_read_cameras(reader, table),
        dialect=_read_dialects(reader, table.get("dialect", {})),
        publisher=_read_publisher(reader, table),
    )
    return settings, [*reader.problems, *check_rules(settings)]


def _read_cameras(reader: SettingsReader, table: Mapping[str, Any]) -> dict[str, CameraSettings]:
    cameras = table.get("camera", {})
    if not isinstance(cameras, Mapping):
        reader.add_problem(
            ("camera",), f"expected tables [camera.NAME], got {describe_value(cameras)}"
        )
        return {}
    if not cameras and not _is_likely_typo(table, ("camera",)):
        hint = 'add [camera.front] with source = "synthetic"'
        reader.add_problem((), "no camera is configured", hint)
    read = {name: _read_camera(reader, name, own) for name, own in cameras.items()}
    return {name: camera for name, camera in read.items() if camera is not None}


def _read_camera(reader: SettingsReader, name: str, table: object) -> CameraSettings | None:
    key_path = ("camera", name)
    reader.read_value(Name, name, key_path)
    if not isinstance(table, Mapping):
        message = f"expected a table, got {describe_value(table)}"
        reader.add_problem(key_path, message, f"write its keys below [camera.{name}]")
        return None
    common = table_keys(CameraSettings)
    driver_keys = {key: value for key, value in table.items() if key not in common}
    kind = _load_driver_settings(
        reader, registry.CAMERA_SETTINGS, table.get("source"), (*key_path, "source")
    )
    # Without a known driver only those of the other keys can be checked that are similar to a common one.
    skipped = [key for key in driver_keys if kind or not closest_name(key, common)]
    checked = {key: value for key, value in table.items() if key not in skipped}
    camera = reader.read_struct(CameraSettings, checked, key_path)
    driver = reader.read_struct(kind, driver_keys, key_path, other_keys=common) if kind else None
    return camera and replace(camera, driver=driver)


def _read_publisher(reader: SettingsReader, table: Mapping[str, Any]) -> tuple[str, Struct] | None:
    present = [name for name in registry.PUBLISHERS if name in table]
    if not present:
        if not _is_likely_typo(table, registry.PUBLISHERS):
            reader.add_problem((), "no publisher is configured", 'add [mqtt] with host = "…"')
        return None
    for extra in present[1:]:
        message = f"a second publisher beside [{present[0]}]; only one is supported"
        reader.add_problem((extra,), message, "remove one of the two")
    read = [(name, _read_publisher_table(reader, name, table[name])) for name in present]
    name, settings = read[0]
    return None if settings is None else (name, settings)


def _read_publisher_table(reader: SettingsReader, name: str, table: object) -> Struct | None:
    kind = _load_driver_settings(reader, registry.PUBLISHER_SETTINGS, name, (name,))
    return None if kind is None else reader.read_struct(kind, table, (name,))


def _read_dialects(reader: SettingsReader, tables: object) -> dict[str, Struct]:
    """Return the settings of the dialects that are enabled."""
    if not isinstance(tables, Mapping):
        message = f"expected tables [dialect.NAME], got {describe_value(tables)}"
        reader.add_problem(("dialect",), message)
        return {}
    read: dict[str, Struct] = {}
    for name, table in tables.items():
        key_path = ("dialect", name)
        driver = _load_driver_settings(reader, registry.DIALECTS, name, key_path)
        kind: type[Struct] | None = getattr(driver, "Settings", None)
        settings = None if kind is None else reader.read_struct(kind, table, key_path)
        if settings is not None and getattr(settings, "enabled", True):
            read[name] = settings
    return read


def _load_driver_settings(
    reader: SettingsReader, classes: dict[str, str], name: object, key_path: KeyPath
) -> type[Struct] | None:
    """Return the driver's class of settings; if there is no such driver, report that and return None."""
    if not isinstance(name, str):
        return None  # missing or of another type: the reader of the common keys reports it
    if name not in classes:
        hint = suggest_name(name, classes) or "choose one of them"
        reader.add_problem(
            key_path, f"expected {format_choices(classes)}, got {describe_value(name)}", hint
        )
        return None
    try:
        kind: type[Struct] = registry.load_driver(classes, name)
    except ImportError as error:
        reader.add_problem(
            key_path, f'the driver "{name}" cannot be loaded: {error}', "reinstall edged"
        )
        return None
    return kind


def _is_likely_typo(table: Mapping[str, Any], names: Collection[str]) -> bool:
    """Return whether an unknown table is probably one of `names`, mistyped, so that it is not reported as missing, too."""
    known = {*table_keys(Settings), "dialect", *registry.PUBLISHERS}
    return any(key not in known and closest_name(key, known) in names for key in table)
