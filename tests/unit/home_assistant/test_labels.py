"""Which labels are counted in entities of their own."""

import pytest

from edged.config.settings import CameraSettings, DetectSettings, Settings, ZoneSettings
from edged.home_assistant.labels import counted_labels, zone_labels

MARKS = ("qr_code", "bar_code", "???")
COCO = (*(f"thing {number}" for number in range(40)), "car", "person", "toilet")
LARGE = tuple(f"bird {number}" for number in range(900))


def listed(labels: tuple[str, ...] | None) -> DetectSettings:
    return DetectSettings(labels=labels)


@pytest.mark.parametrize(
    ("general", "camera", "recommended", "known", "expected"),
    [
        (None, None, None, MARKS, ("qr_code", "bar_code")),
        (None, None, None, COCO, ("person", "car")),
        (None, None, None, LARGE, ()),
        (None, None, None, (), ()),
        (("person",), None, None, COCO, ("person",)),
        (("person",), ("toilet", "toilet", "prson"), None, COCO, ("toilet",)),
        (None, None, ("toilet", "car"), COCO, ("toilet", "car")),
        (("person",), None, ("toilet",), COCO, ("person",)),
        (("person",), None, None, (), ("person",)),
        ((), None, None, COCO, ()),
    ],
)
def test_counted_labels(
    general: tuple[str, ...] | None,
    camera: tuple[str, ...] | None,
    recommended: tuple[str, ...] | None,
    known: tuple[str, ...],
    expected: tuple[str, ...],
) -> None:
    settings = Settings(detect=listed(general))
    its = CameraSettings(source="synthetic", detect=listed(camera))
    assert counted_labels(settings, its, known, recommended) == expected


def test_a_zone_counts_only_its_own_labels() -> None:
    points = ((0.0, 0.0), (1.0, 0.0), (1.0, 1.0))
    assert zone_labels(ZoneSettings(points=points), ("person", "car")) == ("person", "car")
    zone = ZoneSettings(points=points, labels=("car", "dog"))
    assert zone_labels(zone, ("person", "car")) == ("car",)
