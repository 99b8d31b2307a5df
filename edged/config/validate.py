"""From the merged TOML table to `Settings`: which drivers are meant, and which keys are theirs."""

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
        table: the files' tables, laid over one another.
        resolve: makes an absolute path of what stands in a file.

    Returns:
        The settings, with defaults where something is wrong, and everything that is wrong. They are to be used only if
        nothing is.
    """
    reader = SettingsReader(resolve)
    drivers = ("camera", *registry.PUBLISHERS)
    common = {key: value for key, value in table.items() if key not in drivers}
    settings = replace(
        reader.read_struct(Settings, common, (), other_keys=registry.PUBLISHERS) or Settings(),
        camera=_read_cameras(reader, table),
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
        reader.add_problem((), "there is no camera", 'add [camera.front] with source = "synthetic"')
    read = {name: _read_camera(reader, name, own) for name, own in cameras.items()}
    return {name: camera for name, camera in read.items() if camera is not None}


def _read_camera(reader: SettingsReader, name: str, table: object) -> CameraSettings | None:
    at = ("camera", name)
    reader.read_value(Name, name, at)
    if not isinstance(table, Mapping):
        reader.add_problem(
            at,
            f"expected a table, got {describe_value(table)}",
            f"its keys go under [camera.{name}]",
        )
        return None
    common = table_keys(CameraSettings)
    own = {key: value for key, value in table.items() if key not in common}
    theirs = _load_driver_settings(reader, registry.CAMERAS, table.get("source"), (*at, "source"))
    # Without a driver nobody can say which of the other keys are wrong, but for those that look like a common one.
    left_out = [key for key in own if theirs or not closest_name(key, common)]
    rest = {key: value for key, value in table.items() if key not in left_out}
    camera = reader.read_struct(CameraSettings, rest, at)
    driver = reader.read_struct(theirs, own, at, other_keys=common) if theirs else None
    return camera and replace(camera, driver=driver)


def _read_publisher(reader: SettingsReader, table: Mapping[str, Any]) -> tuple[str, Struct] | None:
    present = [name for name in registry.PUBLISHERS if name in table]
    if not present:
        if not _is_likely_typo(table, registry.PUBLISHERS):
            reader.add_problem((), "there is no publisher", 'add [mqtt] with host = "…"')
        return None
    for extra in present[1:]:
        reader.add_problem(
            (extra,), f"a second publisher beside [{present[0]}]", "keep one of the two"
        )
    read = [(name, _read_publisher_table(reader, name, table[name])) for name in present]
    name, settings = read[0]
    return None if settings is None else (name, settings)


def _read_publisher_table(reader: SettingsReader, name: str, table: object) -> Struct | None:
    theirs = _load_driver_settings(reader, registry.PUBLISHERS, name, (name,))
    return None if theirs is None else reader.read_struct(theirs, table, (name,))


def _load_driver_settings(
    reader: SettingsReader, kind: dict[str, str], name: object, key_path: KeyPath
) -> type[Struct] | None:
    """The driver's class of settings; None, and a fault unless `name` is no string at all, if there is no such driver."""
    if not isinstance(name, str):
        return None  # missing or of another type: the common keys' reader says so
    if name not in kind:
        hint = suggest_name(name, kind) or "choose one of them"
        reader.add_problem(
            key_path, f"expected {format_choices(kind)}, got {describe_value(name)}", hint
        )
        return None
    try:
        theirs: type[Struct] = registry.load_driver(kind, name).Settings
    except ImportError as error:
        reader.add_problem(
            key_path, f'the driver "{name}" cannot be loaded: {error}', "install edged again"
        )
        return None
    return theirs


def _is_likely_typo(table: Mapping[str, Any], names: Collection[str]) -> bool:
    """Whether an unknown table is likely one of `names`: then it is not to be called missing too."""
    known = {*table_keys(Settings), *registry.PUBLISHERS}
    return any(key not in known and closest_name(key, known) in names for key in table)
