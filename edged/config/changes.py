"""What a reload has to begin anew, and what only a restart can change. A rule; no I/O."""

from dataclasses import dataclass, fields

from edged.config.settings import CameraSettings, Settings


@dataclass(frozen=True, slots=True, kw_only=True)
class Changes:
    """How one configuration differs from another.

    Attributes:
        model: [model] differs: every worker is to be replaced.
        cameras: whose pictures are to be taken anew: added, removed, switched on or off, another source, other keys of its
            driver, other isolation, other masks. Their objects begin anew too.
        scenes: which of the other cameras judge by other rules: [detect], [track], [events] or their own detect and zones. Also,
            the least score that their worker has to report may differ.
        publisher: the way out differs.
        spool: [spool] differs.
        health: [health] differs.
        log: [log] differs.
        restart: the keys that differ but stay as they are until the daemon is restarted.
    """

    model: bool = False
    cameras: frozenset[str] = frozenset()
    scenes: frozenset[str] = frozenset()
    publisher: bool = False
    spool: bool = False
    health: bool = False
    log: bool = False
    restart: tuple[str, ...] = ()

    def __bool__(self) -> bool:
        return any(getattr(self, field.name) for field in fields(self))


def changes(old: Settings, new: Settings) -> Changes:
    """Say what differs between what runs and what was read."""
    before, after = _in_use(old), _in_use(new)
    cameras = frozenset(
        name
        for name in before.keys() | after.keys()
        if name not in before
        or name not in after
        or _picture(before[name]) != _picture(after[name])
    )
    rules_for_all = (old.detect, old.track, old.events) != (new.detect, new.track, new.events)
    scenes = frozenset(
        name
        for name in after.keys() - cameras
        if rules_for_all or _scene(before[name]) != _scene(after[name])
    )
    return Changes(
        model=old.model != new.model,
        cameras=cameras,
        scenes=scenes,
        publisher=old.publisher != new.publisher,
        spool=old.spool != new.spool,
        health=old.health != new.health,
        log=old.log != new.log,
        restart=tuple(
            f"device.{key}"
            for key in old.device.__struct_fields__
            if getattr(old.device, key) != getattr(new.device, key)
        ),
    )


def _in_use(settings: Settings) -> dict[str, CameraSettings]:
    return {name: camera for name, camera in settings.camera.items() if camera.enabled}


def _picture(camera: CameraSettings) -> tuple[object, ...]:
    return camera.source, camera.driver, camera.isolation, camera.mask


def _scene(camera: CameraSettings) -> tuple[object, ...]:
    return camera.detect, camera.zone
