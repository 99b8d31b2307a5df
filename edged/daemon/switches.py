"""The configuration in use: that of the files, with what commands have switched."""

from collections.abc import Callable

from edged.config.overrides import CameraOverrides, Overrides, apply_overrides
from edged.config.settings import DetectSettings, Settings
from edged.messaging.contract.commands import CameraSwitches
from edged.scene.filters import DEFAULT_THRESHOLD, is_detecting

Change = Callable[[CameraOverrides], CameraOverrides]


class Switches:
    """Keeps the files' configuration and what commands have switched apart."""

    def __init__(self, settings: Settings, overrides: Overrides) -> None:
        """Begin with a configuration.

        Args:
            settings: what the files say.
            overrides: what commands have switched before this start.
        """
        self._file_settings = settings
        self._overrides = dict(overrides)
        self._settings = apply_overrides(settings, overrides)

    @property
    def settings(self) -> Settings:
        """The configuration in use."""
        return self._settings

    @property
    def overrides(self) -> Overrides:
        """The settings that commands have switched, by camera."""
        return self._overrides

    def set_file_settings(self, settings: Settings) -> Settings:
        """Use another configuration of the files, and forget cameras that it does not have; return the configuration in use."""
        self._file_settings = settings
        self._overrides = {
            name: switched for name, switched in self._overrides.items() if name in settings.camera
        }
        self._settings = apply_overrides(settings, self._overrides)
        return self._settings

    def change(self, camera: str, change: Change) -> Settings:
        """Change what is switched for a camera; return the configuration in use."""
        self._overrides[camera] = change(self._overrides.get(camera) or CameraOverrides())
        self._settings = apply_overrides(self._file_settings, self._overrides)
        return self._settings


def describe_switches(
    settings: Settings, camera: str, recommended: DetectSettings
) -> CameraSwitches:
    """Return the state of what commands can switch for a camera.

    Args:
        settings: the configuration in use.
        camera: name of the camera.
        recommended: what the model's maker recommends where the configuration sets nothing.
    """
    own, general = settings.camera[camera], settings.detect
    configured = [one for one in (own.detect.threshold, general.threshold) if one is not None]
    recommended_labels = {} if configured else recommended.label
    thresholds = (*configured, recommended.threshold, DEFAULT_THRESHOLD)
    labels = {**recommended_labels, **general.label, **own.detect.label}
    return CameraSwitches(
        camera=camera,
        detect=is_detecting(settings.detect, own.detect),
        threshold=next(one for one in thresholds if one is not None),
        thresholds={
            label: one.threshold for label, one in labels.items() if one.threshold is not None
        },
        zones={name: zone.enabled for name, zone in own.zone.items()},
        masks={name: mask.enabled for name, mask in own.mask.items()},
    )
