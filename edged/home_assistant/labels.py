"""The labels whose objects are counted in entities of their own."""

from collections.abc import Sequence

from edged.config.settings import CameraSettings, Settings, ZoneSettings
from edged.types import UNNAMED_LABELS

CAMERA_LABELS = ("person", "bicycle", "car", "motorcycle", "bus", "truck", "dog", "cat", "bird")
"""What cameras are put up for; the other 71 labels of COCO would be entities that nobody looks at."""
MAX_SMALL_MODEL = 20
"""Labels of a model of which all are counted if none are listed."""


def counted_labels(
    settings: Settings,
    camera: CameraSettings,
    known: Sequence[str],
    recommended: Sequence[str] | None,
) -> tuple[str, ...]:
    """Return the labels of a camera's counts.

    Args:
        settings: the configuration.
        camera: the camera's part of it.
        known: the model's labels; empty while no model has run.
        recommended: the labels that the model's maker recommends; None for all.

    Returns:
        The listed labels that the model has, or all listed ones while it is not known; without a list, all of a small
        model, and those in `CAMERA_LABELS` of a larger one.
    """
    listed = next(
        (
            labels
            for labels in (camera.detect.labels, settings.detect.labels, recommended)
            if labels is not None
        ),
        None,
    )
    named = tuple(dict.fromkeys(label for label in known if label not in UNNAMED_LABELS))
    if listed is not None:
        return tuple(label for label in dict.fromkeys(listed) if not named or label in named)
    if len(named) <= MAX_SMALL_MODEL:
        return named
    return tuple(label for label in CAMERA_LABELS if label in named)


def zone_labels(zone: ZoneSettings, labels: Sequence[str]) -> tuple[str, ...]:
    """Return the labels among `labels` that count in a zone."""
    return tuple(label for label in labels if zone.labels is None or label in zone.labels)
