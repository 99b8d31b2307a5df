"""Rules for what commands have switched on top of the configuration: detection, thresholds, zones and masks. No I/O."""

from collections.abc import Mapping

from msgspec import Struct, field
from msgspec.structs import replace

from edged.config.settings import CameraSettings, Fraction, LabelFilter, Settings


class CameraOverrides(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The switched settings of one camera; what no command has switched is None or missing.

    Attributes:
        detect: whether the model runs on its frames.
        threshold: smallest score of a detection of every label.
        thresholds: smallest score by label.
        zones: whether a zone is in use, by its name.
        masks: whether a mask is in use, by its name.
    """

    detect: bool | None = None
    threshold: Fraction | None = None
    thresholds: dict[str, Fraction] = field(default_factory=dict)
    zones: dict[str, bool] = field(default_factory=dict)
    masks: dict[str, bool] = field(default_factory=dict)


Overrides = Mapping[str, CameraOverrides]
"""By camera."""


def apply_overrides(settings: Settings, overrides: Overrides) -> Settings:
    """Return a configuration with what commands have switched; cameras, zones and masks that it does not have are left out.

    Args:
        settings: what the files say.
        overrides: what commands have switched.
    """
    if not overrides:
        return settings
    cameras = {
        name: _apply_to_camera(camera, overrides[name]) if name in overrides else camera
        for name, camera in settings.camera.items()
    }
    return replace(settings, camera=cameras)


def _apply_to_camera(camera: CameraSettings, switched: CameraOverrides) -> CameraSettings:
    detect = camera.detect
    labels = {
        label: replace(detect.label.get(label) or LabelFilter(), threshold=threshold)
        for label, threshold in switched.thresholds.items()
    }
    return replace(
        camera,
        detect=replace(
            detect,
            enabled=detect.enabled if switched.detect is None else switched.detect,
            threshold=detect.threshold if switched.threshold is None else switched.threshold,
            label=detect.label | labels,
        ),
        zone={
            name: replace(zone, enabled=switched.zones.get(name, zone.enabled))
            for name, zone in camera.zone.items()
        },
        mask={
            name: replace(mask, enabled=switched.masks.get(name, mask.enabled))
            for name, mask in camera.mask.items()
        },
    )
