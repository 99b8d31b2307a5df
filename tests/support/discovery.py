"""Configurations for Home Assistant's discovery: few and many cameras, odd names, all features and none."""

from edged.config.settings import (
    CameraSettings,
    CommandSettings,
    DetectSettings,
    HomeAssistantSettings,
    ImageSettings,
    MaskSettings,
    Settings,
    ZoneSettings,
)
from edged.home_assistant.discovery import DeviceFacts

TRIANGLE = ((0.0, 0.0), (0.5, 0.0), (0.5, 0.5))
ODD_LABELS = (
    "person",
    "cell phone",
    "it's",
    'a "\\{{ b }} %}',
    "Fußgänger",
    "猫",
    "😀",
    "a/b",
    "A-B",
    "a_b",
)


def facts(**changes: object) -> DeviceFacts:
    fields: dict[str, object] = {
        "name": "shop-12",
        "version": "0.1.0",
        "board": "Raspberry Pi 5 Model B Rev 1.0",
        "has_temperature": True,
        "labels": ("person", "car"),
        "install_id": "install-1",
    }
    return DeviceFacts(**(fields | changes))  # type: ignore[arg-type]  # known fields


def camera(
    zones: tuple[str, ...] = (), masks: tuple[str, ...] = (), **changes: object
) -> CameraSettings:
    fields: dict[str, object] = {
        "source": "synthetic",
        "zone": {name: ZoneSettings(points=TRIANGLE) for name in zones},
        "mask": {name: MaskSettings(points=TRIANGLE) for name in masks},
    }
    return CameraSettings(**(fields | changes))  # type: ignore[arg-type]  # known fields


def settings_of(**cameras: CameraSettings) -> Settings:
    return Settings(camera=cameras, home_assistant=HomeAssistantSettings(enabled=True))


def commanded_settings() -> Settings:
    """Return a configuration with every kind of entity."""
    door = {"door": ZoneSettings(points=TRIANGLE, labels=("person",))}
    return Settings(
        camera={
            "front": camera(masks=("tree",), zone=door),
            "back": camera(images="never", detect=DetectSettings(labels=("car",))),
        },
        images=ImageSettings(policy="on_request"),
        commands=CommandSettings(enabled=True),
        home_assistant=HomeAssistantSettings(enabled=True),
    )


def _all_features(count: int, *, zones: tuple[str, ...], masks: tuple[str, ...]) -> Settings:
    return Settings(
        camera={f"camera{number}": camera(zones, masks) for number in range(count)},
        images=ImageSettings(policy="events"),
        commands=CommandSettings(enabled=True),
        home_assistant=HomeAssistantSettings(enabled=True),
    )


_ODD_CAMERAS = {
    name: camera(("a-b", "a_b", "A-b", "count"), ("a-b",))
    for name in ("a-b", "a_b", "A-B", "a", "0", "camera", "b_zone")
}

CONFIGURATIONS: dict[str, tuple[Settings, DeviceFacts]] = {
    "no camera": (settings_of(), facts()),
    "one camera": (settings_of(front=camera()), facts()),
    "one camera, zones": (settings_of(front=camera(("door", "yard"))), facts(board="")),
    "all features": (commanded_settings(), facts()),
    "eight cameras": (settings_of(**{f"c{number}": camera() for number in range(8)}), facts()),
    "eight cameras, all features": (
        _all_features(8, zones=("door", "yard", "gate"), masks=("tree", "road")),
        facts(labels=tuple(f"label {number}" for number in range(20))),
    ),
    "odd names": (
        Settings(
            camera=_ODD_CAMERAS,
            images=ImageSettings(policy="events"),
            commands=CommandSettings(enabled=True),
        ),
        facts(name="Shop-_12", labels=ODD_LABELS, has_temperature=False),
    ),
    "names of full length": (
        settings_of(**{"c" * 64: camera(("z" * 64,))}),
        facts(name="d" * 64, labels=("l" * 500,)),
    ),
    "no model yet": (settings_of(front=camera(("door",))), facts(labels=())),
    "disabled": (settings_of(off=camera(enabled=False), on=camera()), facts()),
}
