"""The agreement of two models on one frame."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edged.model.agreement import UNKNOWN_CLASS_ID, Agreement, ClassIdMapping, measure_agreement
from edged.types import Detections

Box = tuple[float, float, float, float]
HERE: Box = (0.1, 0.1, 0.5, 0.5)
NEARLY: Box = (0.1, 0.1, 0.5, 0.45)
HALF: Box = (0.1, 0.1, 0.5, 0.3)
BARELY: Box = (0.1, 0.1, 0.5, 0.299)
THERE: Box = (0.6, 0.6, 0.9, 0.9)


def found(*boxes: tuple[int, Box]) -> Detections:
    return Detections(
        np.array([box for _, box in boxes], np.float32).reshape(-1, 4),
        np.full(len(boxes), 0.9, np.float32),
        np.array([class_id for class_id, _ in boxes], np.int32),
    )


def counts(new: Detections, old: Detections) -> tuple[int, int, int]:
    one = measure_agreement(new, old)
    return one.both, one.only_new, one.only_old


def test_nothing_and_nothing_agree() -> None:
    assert measure_agreement(found(), found()) == Agreement(both=0, only_new=0, only_old=0)


def test_the_order_does_not_matter() -> None:
    assert counts(found((0, HERE), (1, THERE)), found((1, THERE), (0, NEARLY))) == (2, 0, 0)


@pytest.mark.parametrize(("box", "both"), [(HALF, 1), (BARELY, 0)])
def test_boxes_match_from_an_overlap_of_a_half(box: Box, both: int) -> None:
    assert counts(found((0, HERE)), found((0, box))) == (both, 1 - both, 1 - both)


def test_another_class_is_another_object() -> None:
    assert counts(found((0, HERE)), found((1, HERE))) == (0, 1, 1)


def test_one_box_matches_one_only_and_the_nearest() -> None:
    assert counts(found((0, HERE), (0, NEARLY)), found((0, HERE))) == (1, 1, 0)
    # Best first: taken in the order given, HERE would take NEARLY, and leave HALF alone.
    assert counts(found((0, HERE), (0, NEARLY)), found((0, NEARLY), (0, HALF))) == (2, 0, 0)


@given(
    st.lists(st.tuples(st.integers(0, 2), st.sampled_from([HERE, NEARLY, HALF, BARELY, THERE]))),
    st.lists(st.tuples(st.integers(0, 2), st.sampled_from([HERE, NEARLY, HALF, BARELY, THERE]))),
)
def test_every_detection_is_counted_once(
    new: list[tuple[int, Box]], old: list[tuple[int, Box]]
) -> None:
    both, only_new, only_old = counts(found(*new), found(*old))
    assert (both + only_new, both + only_old) == (len(new), len(old))


def translated(old: list[str], new: list[str], *ids: int) -> list[int]:
    detections = found(*((class_id, HERE) for class_id in ids))
    return [int(class_id) for class_id in ClassIdMapping(old, new)(detections).class_ids]


def test_a_class_is_its_label() -> None:
    assert translated(["cat", "dog"], ["dog", "bird", "cat"], 0, 1) == [2, 0]


def test_a_label_that_the_new_model_has_not_is_unknown() -> None:
    assert translated(["cat", "dog"], ["dog"], 0, 1) == [UNKNOWN_CLASS_ID, 0]


def test_a_class_without_a_label_stays_what_it_is_where_it_has_none_either() -> None:
    assert translated([], [], 7) == [7]
    assert translated(["cat", "???"], ["cat"], 1, 2) == [1, 2]
    assert translated(["cat", "???"], ["cat", "dog"], 1) == [UNKNOWN_CLASS_ID]


def test_of_two_classes_of_one_label_the_first_is_meant() -> None:
    assert translated(["cat"], ["dog", "cat", "cat"], 0) == [1]
    assert translated(["cat", "cat"], ["cat", "cat"], 0, 1) == [0, 1]


def test_what_is_translated_is_not_changed_itself() -> None:
    detections = found((1, HERE))
    ClassIdMapping(["cat", "dog"], ["dog", "cat"])(detections)
    assert detections.class_ids.tolist() == [1]
