import struct

import pytest

from edged.config.settings import DetectSettings, LabelFilter
from edged.scene.filters import DetectionFilters
from edged.types import DetectedBox, label_of

LABELS = ("person", "???", "car")
PERSON, UNNAMED, CAR, BEYOND = 0, 1, 2, 7


def make_filters(
    general: DetectSettings | None = None, camera: DetectSettings | None = None
) -> DetectionFilters:
    return DetectionFilters.from_settings(
        general or DetectSettings(), camera or DetectSettings(), LABELS, keep_threshold=0.6
    )


def as_float32(value: float) -> float:
    return float(struct.unpack("<f", struct.pack("<f", value))[0])


def found(
    *scored: tuple[int, float], box: tuple[float, float, float, float] = (0.2, 0.2, 0.4, 0.6)
) -> tuple[DetectedBox, ...]:
    return tuple(DetectedBox(box, as_float32(score), class_id) for class_id, score in scored)


def passed(
    filters: DetectionFilters, detections: tuple[DetectedBox, ...]
) -> list[tuple[int, bool]]:
    """Return (class id, strong) of the detections of a 16:9 frame that pass."""
    left = filters.apply(detections, width=1600, height=900)
    return [
        (one.class_id, strong) for one, strong in zip(left.detections, left.strong, strict=True)
    ]


def test_half_is_strong_and_six_tenths_of_it_weak() -> None:
    detections = found((PERSON, 0.51), (PERSON, 0.5), (PERSON, 0.49), (PERSON, 0.31), (CAR, 0.29))
    assert passed(make_filters(), detections) == [(0, True), (0, True), (0, False), (0, False)]


def test_nothing_in_nothing_out() -> None:
    assert passed(make_filters(), ()) == []


def test_the_nearest_setting_counts() -> None:
    general = DetectSettings(threshold=0.8, label={"car": LabelFilter(threshold=0.6)})
    camera = DetectSettings(threshold=0.4, label={"person": LabelFilter(threshold=0.9)})
    thresholds = make_filters(general, camera).thresholds
    assert thresholds == pytest.approx([0.9, 0.4, 0.6, 0.4])
    assert make_filters(general).thresholds == pytest.approx([0.8, 0.8, 0.6, 0.8])


def test_a_label_of_the_camera_counts_before_the_same_label_of_all() -> None:
    both = [DetectSettings(label={"car": LabelFilter(threshold=score)}) for score in (0.6, 0.7)]
    assert make_filters(*both).thresholds[CAR] == pytest.approx(0.7)


def listed(
    filters: DetectionFilters, detections: tuple[DetectedBox, ...]
) -> list[tuple[int, bool]]:
    """Return (class id, strong) of the detections that pass and have a listed label."""
    left = filters.apply(detections, width=1600, height=900)
    flags = zip(left.detections, left.strong, left.listed, strict=True)
    return [(one.class_id, strong) for one, strong, is_listed in flags if is_listed]


@pytest.mark.parametrize("percent", range(1, 100))
def test_a_float32_score_reaches_the_threshold_that_it_was_rounded_from(percent: int) -> None:
    filters = make_filters(DetectSettings(threshold=percent / 100))
    detections = found((PERSON, percent / 100), (PERSON, percent / 100 - 1e-6))
    assert passed(filters, detections) == [(PERSON, True), (PERSON, False)]
    (strong,) = filters.apply(detections, width=1, height=1).reportable
    assert strong.score == as_float32(percent / 100)


def test_only_listed_labels_may_begin_objects_and_a_camera_has_its_own_list() -> None:
    general = DetectSettings(labels=("person",))
    detections = found((PERSON, 0.9), (CAR, 0.9), (UNNAMED, 0.9), (BEYOND, 0.9))
    assert listed(make_filters(general), detections) == [(PERSON, True)]
    assert len(passed(make_filters(general), detections)) == 4, "the others may continue one"
    camera = DetectSettings(labels=("car", "class-1"))
    assert listed(make_filters(general, camera), detections) == [(CAR, True), (UNNAMED, True)]
    assert len(passed(make_filters(), detections)) == 4


def test_area_is_a_share_of_the_frame() -> None:
    filters = make_filters(DetectSettings(min_area=0.1, max_area=0.3))
    for width, passes in ((0.19, False), (0.21, True), (0.59, True), (0.61, False)):
        box = (0.1, 0.1, 0.1 + width, 0.6)
        assert bool(passed(filters, found((CAR, 0.9), box=box))) == passes


def test_ratio_is_measured_in_pixels() -> None:
    filters = make_filters(DetectSettings(label={"car": LabelFilter(min_ratio=1.0, max_ratio=2.0)}))
    square_in_fractions = (0.2, 0.2, 0.4, 0.4)  # 320 x 180 pixels
    assert passed(filters, found((CAR, 0.9), box=square_in_fractions))
    assert not filters.apply(
        found((CAR, 0.9), box=square_in_fractions), width=900, height=1600
    ).detections
    assert passed(filters, found((PERSON, 0.9), box=(0.2, 0.2, 0.9, 0.3)))
    assert not passed(filters, found((CAR, 0.9), box=(0.2, 0.2, 0.9, 0.3)))


def test_a_box_without_height_is_no_error() -> None:
    filters = make_filters(DetectSettings(max_ratio=5.0))
    assert passed(filters, found((CAR, 0.9), box=(0.2, 0.2, 0.4, 0.2))) == []


def test_the_floor_is_what_the_most_lenient_allowed_label_keeps() -> None:
    lenient = DetectSettings(label={"car": LabelFilter(threshold=0.2)})
    assert make_filters(lenient).min_score == pytest.approx(0.12)
    only_persons = DetectSettings(labels=("person",))
    assert make_filters(lenient, only_persons).min_score == pytest.approx(0.3)
    assert make_filters(DetectSettings(labels=("unicorn",))).min_score == 1.0


def test_a_class_beyond_the_labels_is_filtered_by_its_number() -> None:
    filters = make_filters(DetectSettings(labels=("class-5",)))
    detections = found((0, 0.9), (5, 0.9), (6, 0.9))
    assert listed(filters, detections) == [(5, True)]


def test_classes_without_a_name_are_called_by_their_number() -> None:
    assert [label_of(LABELS, class_id) for class_id in (0, 1, 2, 7)] == [
        "person",
        "class-1",
        "car",
        "class-7",
    ]
