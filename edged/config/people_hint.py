"""The hint that a model finds printed marks only, for whoever points a camera at people. No I/O: the labels are given."""

from collections.abc import Collection, Iterable

from edged.config.rules import overlay_settings
from edged.config.settings import Settings

MARKS = frozenset(
    {
        "qr_code",
        "barcode",
        "fiducial_tag",
        "warning_sign",
        "prohibition_sign",
        "mandatory_sign",
        "safe_condition_sign",
        "fire_sign",
    }
)
"""The labels of the bundled models."""
PEOPLE_ADVICE = "for people: edged model fetch coco-ssd-mobilenet-v1 --use"
"""What to do about a model that does not know people."""
_SYNTHETIC = "synthetic"


def finds_marks_only(labels: Collection[str]) -> bool:
    """Return whether a model with these labels finds printed marks only; false if it has none."""
    return bool(labels) and MARKS.issuperset(labels)


def explain_missing_people(
    settings: Settings, cameras: Iterable[str], labels: Collection[str]
) -> str | None:
    """Return a hint if real cameras run a model that finds printed marks only, and no setting says that just these are wanted.

    Args:
        settings: the configuration.
        cameras: names of the cameras that run the model.
        labels: the model's labels; empty if it has none.
    """
    if not finds_marks_only(labels):
        return None
    named = [name for name in cameras if _may_show_people(settings, name)]
    if not named:
        return None
    plural = "s" if len(named) > 1 else ""
    return f"the model of the camera{plural} {', '.join(named)} finds printed marks only; {PEOPLE_ADVICE}"


def _may_show_people(settings: Settings, name: str) -> bool:
    camera = settings.camera[name]
    listed = overlay_settings(settings.detect, camera.detect).labels
    return camera.enabled and camera.source != _SYNTHETIC and listed is None
