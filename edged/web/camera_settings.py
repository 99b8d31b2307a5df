"""The cameras' settings that the page shows and saves, in the configuration's files."""

import hashlib
import tomllib
from pathlib import Path
from typing import Any

from msgspec.structs import asdict

from edged.config.load import LoadedConfig
from edged.config.rules import overlay_settings
from edged.config.settings import CameraSettings, Settings
from edged.config.toml_text import format_toml
from edged.errors import ConfigError
from edged.host.drop_in import DropIn
from edged.web.edits import CameraEdit, apply_edit

DROP_IN_NAME = "90-page.toml"
_HEADER = "# Written by edged's page. It has priority over the files before it; what you change here, the page shows.\n\n"


class EditConflictError(Exception):
    """The settings have changed since the page showed them."""


class CameraSettingsFile:
    """The page's own file in conf.d, and the configuration around it. Its methods wait for the disk."""

    def __init__(self, config: Path) -> None:
        """Read nothing yet.

        Args:
            config: the configuration's main file.
        """
        self._drop_in = DropIn(config, DROP_IN_NAME)

    def describe(self) -> dict[str, Any]:
        """Return every enabled camera's settings as the page shows them, with their version.

        Raises:
            ConfigError: the configuration cannot be used now.
        """
        text = self._drop_in.read()
        loaded = self._drop_in.load(text)
        cameras = {
            name: _describe_camera(loaded.settings, camera)
            for name, camera in loaded.settings.camera.items()
            if camera.enabled
        }
        return {"version": _version_of(text), "cameras": cameras}

    def save(self, camera: str, edit: CameraEdit) -> bool:
        """Write what the page sets of a camera; return False if nothing changes.

        Raises:
            EditConflictError: the settings have changed since the page showed them; nothing was written.
            ConfigError: the whole configuration would not be valid, or would not say what the page sets; nothing was written. Or the file cannot
                be written; the old one stays as it is.
        """
        text = self._drop_in.read()
        if edit.version != _version_of(text):
            raise EditConflictError("the settings have changed meanwhile: load them again")
        others = self._drop_in.read_others()
        own = self._parse_own(text)
        new = _HEADER + format_toml(apply_edit(own, others.table, camera, edit))
        loaded = self._drop_in.load(new)
        _check_effect(loaded, camera, edit)
        return self._drop_in.write(new)

    def _parse_own(self, text: str | None) -> dict[str, Any]:
        try:
            return tomllib.loads(text or "")
        except (ValueError, RecursionError) as error:
            raise ConfigError(f"{DROP_IN_NAME} is not TOML: {error}; mend or delete it") from None


def _version_of(text: str | None) -> str:
    return hashlib.sha256((text or "").encode()).hexdigest()[:16]


def _describe_camera(settings: Settings, camera: CameraSettings) -> dict[str, Any]:
    detect = overlay_settings(settings.detect, camera.detect)
    inference = overlay_settings(settings.inference, camera.inference)
    return {
        "zone": {key: asdict(zone) for key, zone in camera.zone.items()},
        "mask": {key: asdict(mask) for key, mask in camera.mask.items()},
        "threshold": detect.threshold,
        "thresholds": {
            label: one.threshold for label, one in detect.label.items() if one.threshold is not None
        },
        "labels": detect.labels,
        "gate": inference.gate or "motion",
        "images": camera.images or settings.images.policy,
    }


def _check_effect(loaded: LoadedConfig, name: str, edit: CameraEdit) -> None:
    """Refuse an edit that a file with priority over the page's would undo.

    Raises:
        ConfigError: such a file exists, or there is no such camera.
    """
    camera = loaded.settings.camera.get(name)
    if camera is None:
        raise ConfigError(f"there is no camera {name} in the configuration")
    for key_path, value in _list_wanted(edit).items():
        if _get_value(camera, key_path) != value:
            full_path = ("camera", name, *key_path)
            file, line = loaded.layers.locations[full_path]
            raise ConfigError(
                f"{file.name}:{line}: {'.'.join(full_path)}: this file has priority over {DROP_IN_NAME}; change it there"
            )


def _list_wanted(edit: CameraEdit) -> dict[tuple[str, ...], object]:
    """Return the value of each key that an edit sets, by its path below the camera's table."""
    wanted: dict[tuple[str, ...], object] = {}
    for kind, shapes in (("zone", edit.zone), ("mask", edit.mask)):
        for name, shape in shapes.items():
            wanted[kind, name, "points"] = shape.points
            wanted[kind, name, "enabled"] = shape.enabled
            if kind == "zone" and shape.labels is not None:
                wanted[kind, name, "labels"] = shape.labels
    if edit.threshold is not None:
        wanted["detect", "threshold"] = edit.threshold
    if edit.gate is not None:
        wanted["inference", "gate"] = edit.gate
    return wanted


def _get_value(camera: CameraSettings, key_path: tuple[str, ...]) -> object:
    value: Any = camera
    for key in key_path:
        value = value[key] if isinstance(value, dict) else getattr(value, key)
    return value
