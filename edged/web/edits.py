"""The changes that the page makes to a camera's configuration, as a table of its own file in conf.d. No I/O.

The page never touches what others have written: its file has priority over theirs, and holds only what differs. A zone or mask that another
file defines cannot be removed, so it is switched off.
"""

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from msgspec import Meta, Struct

from edged.config.settings import Fraction, Name, Point

_KINDS = ("zone", "mask")


class ShapeEdit(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A zone or mask as the page draws it.

    Attributes:
        points: its corners, in fractions of the frame.
        enabled: whether it is in force.
        labels: of a zone: the labels that count; None for all.
    """

    points: Annotated[tuple[Point, ...], Meta(max_length=64)]
    enabled: bool = True
    labels: Annotated[tuple[str, ...], Meta(max_length=256)] | None = None


class CameraEdit(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Everything that the page can set of a camera.

    Attributes:
        version: the version of the settings that the page has shown; a save of another one is refused.
        zone: all zones, by name.
        mask: all masks, by name.
        threshold: smallest score of a detection; None to leave it.
        gate: "motion": the model rests while nothing changes; None to leave it.
    """

    version: str
    zone: Annotated[dict[Name, ShapeEdit], Meta(max_length=64)]
    mask: Annotated[dict[Name, ShapeEdit], Meta(max_length=64)]
    threshold: Fraction | None = None
    gate: Literal["motion", "off"] | None = None


def apply_edit(
    own: Mapping[str, Any], others: Mapping[str, Any], camera: str, edit: CameraEdit
) -> dict[str, Any]:
    """Return the new table of the page's file.

    Args:
        own: its present table.
        others: the merged tables of the other files.
        camera: name of the camera.
        edit: what the page sets.
    """
    base = _table(_table(others, "camera"), camera)
    table: dict[str, Any] = dict(_table(_table(own, "camera"), camera))
    for kind in _KINDS:
        wanted: Mapping[str, ShapeEdit] = getattr(edit, kind)
        table[kind] = _make_shapes(_table(table, kind), _table(base, kind), wanted)
    for name, key, value in (
        ("detect", "threshold", edit.threshold),
        ("inference", "gate", edit.gate),
    ):
        if value is not None:
            table[name] = {**_table(table, name), key: value}
    cameras = {**_table(own, "camera"), camera: {k: v for k, v in table.items() if v != {}}}
    kept = {name: one for name, one in cameras.items() if one}
    return {**own, "camera": kept} if kept else {k: v for k, v in own.items() if k != "camera"}


def _make_shapes(
    own: Mapping[str, Any], base: Mapping[str, Any], wanted: Mapping[str, ShapeEdit]
) -> dict[str, Any]:
    shapes: dict[str, Any] = {}
    for name, shape in wanted.items():
        shapes[name] = _make_shape(_table(own, name), _table(base, name), shape)
    for name in base:
        if name not in wanted:
            shapes[name] = {"enabled": False} if _is_enabled(_table(base, name)) else {}
    return {name: shape for name, shape in shapes.items() if shape}


def _make_shape(
    own: Mapping[str, Any], base: Mapping[str, Any], shape: ShapeEdit
) -> dict[str, Any]:
    """Return what the page's file says of a shape: what it said before, with what differs from the other files."""
    table = {key: value for key, value in own.items() if key not in {"points", "enabled", "labels"}}
    points = [list(point) for point in shape.points]
    if not base or points != [[float(x), float(y)] for x, y in base.get("points", ())]:
        table["points"] = points
    if shape.enabled != _is_enabled(base):
        table["enabled"] = shape.enabled
    if shape.labels is not None and list(shape.labels) != base.get("labels"):
        table["labels"] = list(shape.labels)
    return table


def _is_enabled(shape: Mapping[str, Any]) -> bool:
    return bool(shape.get("enabled", True))


def _table(table: Mapping[str, Any], key: str) -> Mapping[str, Any]:
    """Return a table in a table; an empty one if there is none."""
    value = table.get(key)
    return value if isinstance(value, Mapping) else {}


def list_switches(
    switched: Mapping[str, Any] | None, edit: CameraEdit
) -> list[tuple[str, dict[str, Any]]]:
    """Return the commands that undo what was switched otherwise than an edit has it.

    Args:
        switched: the camera's last ``switches`` message, decoded; None if there is none.
        edit: what is saved.
    """
    if switched is None:
        return []
    return [
        (kind, {"camera": switched["camera"], kind: name, "on": shape.enabled})
        for kind in _KINDS
        for name, shape in getattr(edit, kind).items()
        if switched[f"{kind}s"].get(name, shape.enabled) != shape.enabled
    ]
