"""From the merged TOML table to `Settings`: which drivers are meant, and which keys are theirs."""

from collections.abc import Callable, Collection, Mapping
from pathlib import Path
from typing import Any

from msgspec import Struct
from msgspec.structs import replace

from edged import registry
from edged.config.expected import given
from edged.config.problems import Fault, KeyPath, did_you_mean, nearest, one_of
from edged.config.reader import Reader, keys
from edged.config.rules import broken_rules
from edged.config.settings import CameraSettings, Name, Settings


def read_settings(
    table: Mapping[str, Any], resolve: Callable[[str], Path]
) -> tuple[Settings, list[Fault]]:
    """Read a whole configuration.

    Args:
        table: the files' tables, laid over one another.
        resolve: makes an absolute path of what stands in a file.

    Returns:
        The settings, with defaults where something is wrong, and everything that is wrong. They are to be used only if
        nothing is.
    """
    reader = Reader(resolve)
    drivers = ("camera", *registry.PUBLISHERS)
    common = {key: value for key, value in table.items() if key not in drivers}
    settings = replace(
        reader.struct(Settings, common, (), beside=registry.PUBLISHERS) or Settings(),
        camera=_cameras(reader, table),
        publisher=_publisher(reader, table),
    )
    return settings, [*reader.faults, *broken_rules(settings)]


def _cameras(reader: Reader, table: Mapping[str, Any]) -> dict[str, CameraSettings]:
    cameras = table.get("camera", {})
    if not isinstance(cameras, Mapping):
        reader.fault(("camera",), f"expected tables [camera.NAME], got {given(cameras)}")
        return {}
    if not cameras and not _mistyped(table, ("camera",)):
        reader.fault((), "there is no camera", 'add [camera.front] with source = "synthetic"')
    read = {name: _camera(reader, name, own) for name, own in cameras.items()}
    return {name: camera for name, camera in read.items() if camera is not None}


def _camera(reader: Reader, name: str, table: object) -> CameraSettings | None:
    at = ("camera", name)
    reader.leaf(Name, name, at)
    if not isinstance(table, Mapping):
        reader.fault(
            at, f"expected a table, got {given(table)}", f"its keys go under [camera.{name}]"
        )
        return None
    common = keys(CameraSettings)
    own = {key: value for key, value in table.items() if key not in common}
    theirs = _driver(reader, registry.CAMERAS, table.get("source"), (*at, "source"))
    # Without a driver nobody can say which of the other keys are wrong, but for those that look like a common one.
    left_out = [key for key in own if theirs or not nearest(key, common)]
    rest = {key: value for key, value in table.items() if key not in left_out}
    camera = reader.struct(CameraSettings, rest, at)
    driver = reader.struct(theirs, own, at, beside=common) if theirs else None
    return camera and replace(camera, driver=driver)


def _publisher(reader: Reader, table: Mapping[str, Any]) -> tuple[str, Struct] | None:
    present = [name for name in registry.PUBLISHERS if name in table]
    if not present:
        if not _mistyped(table, registry.PUBLISHERS):
            reader.fault((), "there is no publisher", 'add [mqtt] with host = "…"')
        return None
    for extra in present[1:]:
        reader.fault((extra,), f"a second publisher beside [{present[0]}]", "keep one of the two")
    read = [(name, _publishers_table(reader, name, table[name])) for name in present]
    name, settings = read[0]
    return None if settings is None else (name, settings)


def _publishers_table(reader: Reader, name: str, table: object) -> Struct | None:
    theirs = _driver(reader, registry.PUBLISHERS, name, (name,))
    return None if theirs is None else reader.struct(theirs, table, (name,))


def _driver(reader: Reader, kind: dict[str, str], name: object, at: KeyPath) -> type[Struct] | None:
    """The driver's class of settings; None, and a fault unless `name` is no string at all, if there is no such driver."""
    if not isinstance(name, str):
        return None  # missing or of another type: the common keys' reader says so
    if name not in kind:
        hint = did_you_mean(name, kind) or "choose one of them"
        reader.fault(at, f"expected {one_of(kind)}, got {given(name)}", hint)
        return None
    try:
        theirs: type[Struct] = registry.load(kind, name).Settings
    except ImportError as error:
        reader.fault(at, f'the driver "{name}" cannot be loaded: {error}', "install edged again")
        return None
    return theirs


def _mistyped(table: Mapping[str, Any], names: Collection[str]) -> bool:
    """Whether an unknown table is likely one of `names`: then it is not to be called missing too."""
    known = {*keys(Settings), *registry.PUBLISHERS}
    return any(key not in known and nearest(key, known) in names for key in table)
