"""The effect of each setting on a reload. Rules; no I/O.

`RELOAD_EFFECTS` is the one declaration: the daemon reloads by it, and the table in docs/configuration.md is
`reload_markdown`, which a test compares.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import Enum

from msgspec import Struct

from edged.config.settings import Settings


class ReloadEffect(Enum):
    """The effect of a changed setting on a running daemon; the value describes it in the documentation."""

    LIVE = "takes effect at once: no frame is lost, and objects go on"
    SCENES = "takes effect at once: no frame is lost; the objects of the cameras concerned end, and begin again"
    CAMERA_WORKERS = "the workers whose cameras change are replaced, and miss frames for a second or two; the other workers go on"
    ALL_WORKERS = "all workers are replaced, and miss frames for a second or two"
    RESTART = "takes effect only after a restart; until then `up/health` reports `config.restart`"


PUBLISHER = "publisher"
_ANY_NAME = "NAME"

RELOAD_EFFECTS: Mapping[str, ReloadEffect] = {
    "log": ReloadEffect.LIVE,
    "health": ReloadEffect.LIVE,
    "updates": ReloadEffect.LIVE,
    "commands": ReloadEffect.LIVE,
    "home_assistant": ReloadEffect.LIVE,
    "images": ReloadEffect.LIVE,
    "collect": ReloadEffect.LIVE,
    "model.hang_s": ReloadEffect.LIVE,
    "events.detections": ReloadEffect.LIVE,
    "events.max_detections_hz": ReloadEffect.LIVE,
    "inference": ReloadEffect.LIVE,
    f"camera.{_ANY_NAME}.mask": ReloadEffect.LIVE,
    f"camera.{_ANY_NAME}.images": ReloadEffect.LIVE,
    f"camera.{_ANY_NAME}.inference": ReloadEffect.LIVE,
    f"camera.{_ANY_NAME}.weight": ReloadEffect.LIVE,
    "detect": ReloadEffect.SCENES,
    "track": ReloadEffect.SCENES,
    "events": ReloadEffect.SCENES,
    f"camera.{_ANY_NAME}.detect": ReloadEffect.SCENES,
    f"camera.{_ANY_NAME}.zone": ReloadEffect.SCENES,
    f"camera.{_ANY_NAME}": ReloadEffect.CAMERA_WORKERS,
    "model.workers": ReloadEffect.CAMERA_WORKERS,
    "model": ReloadEffect.ALL_WORKERS,
    # A device's name and its state belong together, and are part of every message of a session.
    "device": ReloadEffect.RESTART,
    # The publisher, its subscriptions and the spool are connected to each other at the start.
    "spool": ReloadEffect.RESTART,
    "updates.channel": ReloadEffect.RESTART,
    "updates.folder": ReloadEffect.RESTART,
    "commands.enabled": ReloadEffect.RESTART,
    "home_assistant.enabled": ReloadEffect.RESTART,
    "home_assistant.prefix": ReloadEffect.RESTART,
    "dialect": ReloadEffect.RESTART,
    # The sockets are opened at the start.
    "page": ReloadEffect.RESTART,
    "metrics": ReloadEffect.RESTART,
    PUBLISHER: ReloadEffect.RESTART,
}
"""The effect of each table or setting; the most specific entry counts."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ReloadPlan:
    """The changes of a reload.

    Attributes:
        changes: the effect of each setting that has changed, by its key, for example ``camera.front.zone.door.points``.
    """

    changes: Mapping[str, ReloadEffect]

    @property
    def replaces_all_workers(self) -> bool:
        """True if no worker can be kept."""
        return ReloadEffect.ALL_WORKERS in self.changes.values()

    @property
    def keys_needing_restart(self) -> tuple[str, ...]:
        """The changed settings that take effect only after a restart."""
        return tuple(key for key, effect in self.changes.items() if effect is ReloadEffect.RESTART)

    def rebuilds_scene(self, camera: str) -> bool:
        """Return whether the rules of a camera's scene have changed."""
        return any(
            effect is ReloadEffect.SCENES
            and (not key.startswith("camera.") or key.split(".")[1] == camera)
            for key, effect in self.changes.items()
        )


def plan_reload(before: Settings, after: Settings) -> ReloadPlan:
    """Compare two configurations; return what changes for a daemon that goes from one to the other."""
    return ReloadPlan(
        changes={key: effect_of(key) for key in _find_changes(before, after)},
    )


def effect_of(key: str) -> ReloadEffect:
    """Return the effect of a change of the setting `key`; of a publisher's setting, if the table is none of edged's own."""
    parts = key.split(".")
    if parts[0] not in Settings.__struct_fields__:
        return RELOAD_EFFECTS[PUBLISHER]
    if parts[0] == "camera":
        parts[1] = _ANY_NAME
    prefixes = (".".join(parts[:length]) for length in range(len(parts), 0, -1))
    return next(RELOAD_EFFECTS[prefix] for prefix in prefixes if prefix in RELOAD_EFFECTS)


def reload_markdown() -> str:
    """Return the documentation's table of what a reload does."""
    rows = ["| changed | what happens |", "|---|---|"]
    for effect in ReloadEffect:
        keys = (key for key, its_effect in RELOAD_EFFECTS.items() if its_effect is effect)
        names = ("the publisher's table" if key == PUBLISHER else f"`{key}`" for key in keys)
        rows.append(f"| {', '.join(names)} | {effect.value} |")
    return "\n".join(rows) + "\n"


def _find_changes(before: Settings, after: Settings) -> Iterator[str]:
    for table in Settings.__struct_fields__:
        if table != PUBLISHER:
            yield from _compare(table, getattr(before, table), getattr(after, table))
    if before.publisher is None or after.publisher is None:
        if before.publisher != after.publisher:
            yield PUBLISHER
        return
    (name, keys), (new_name, new_keys) = before.publisher, after.publisher
    yield from _compare(new_name, keys, new_keys) if name == new_name else [new_name]


def _compare(key: str, before: object, after: object) -> Iterator[str]:
    if before == after:
        return
    if isinstance(before, Struct) and type(before) is type(after):
        for field in before.__struct_fields__:
            # A driver's keys stand in the camera's own table.
            inner = key if field == "driver" else f"{key}.{field}"
            yield from _compare(inner, getattr(before, field), getattr(after, field))
    elif isinstance(before, dict) and isinstance(after, dict) and _holds_tables(before | after):
        for name in before | after:
            yield from _compare(f"{key}.{name}", before.get(name), after.get(name))
    else:
        yield key


def _holds_tables(value: dict[str, object]) -> bool:
    """Return whether a value is a table of named tables, as cameras, zones and masks are."""
    return all(isinstance(entry, Struct) for entry in value.values())
