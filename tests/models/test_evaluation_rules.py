"""Counting what was found: pure rules, against cases that can be counted by hand."""

import numpy as np
import pytest

from edged.types import Detections
from edged_models.errors import ToolError
from edged_models.evaluation.average_precision import compute_precisions
from edged_models.evaluation.label_mapping import map_labels
from edged_models.evaluation.picture_result import PictureResult
from edged_models.evaluation.threshold import build_confusion, compute_rates, count_false_alarms

HERE, THERE = [0.1, 0.1, 0.3, 0.3], [0.6, 0.6, 0.9, 0.9]
Box = list[float]


def _result(
    found: list[tuple[float, Box, int]], true: list[tuple[Box, int]], side_px: float = 256
) -> PictureResult:
    return PictureResult(
        detections=Detections(
            np.array([box for _, box, _ in found], np.float32).reshape(-1, 4),
            np.array([score for score, _, _ in found], np.float32),
            np.array([class_id for *_, class_id in found], np.int32),
        ),
        true_boxes=np.array([box for box, _ in true], np.float32).reshape(-1, 4),
        true_class_ids=np.array([class_id for _, class_id in true], np.int32),
        is_empty=not true,
        size_px=(side_px, side_px),
    )


def test_average_precision_is_one_when_all_is_found_first() -> None:
    looks = [_result([(0.9, HERE, 0), (0.3, THERE, 0)], [(HERE, 0)]), _result([(0.8, THERE, 0)], [(THERE, 0)])]  # fmt: skip
    counted = compute_precisions(looks, 1)
    assert counted.ap() == counted.ap50() == counted.ap75() == pytest.approx(1.0)
    assert counted.curve().tolist() == pytest.approx([1.0] * 101)


def test_a_better_scored_mistake_and_a_miss_cost() -> None:
    looks = [_result([(0.9, THERE, 0)], [(HERE, 0)]), _result([(0.8, THERE, 0)], [(THERE, 0)])]
    # Half of the objects is found, at a precision of one half: 51 of 101 recall points at 0.5.
    assert compute_precisions(looks, 1).ap50() == pytest.approx(51 / 101 / 2)


def test_an_object_found_twice_counts_once() -> None:
    looks = [_result([(0.9, HERE, 0), (0.8, HERE, 0)], [(HERE, 0), (THERE, 0)])]
    counted = compute_precisions(looks, 1)
    assert counted.ap50() == pytest.approx(51 / 101)
    assert counted.ranked[0].is_correct.tolist() == [True, False]


def test_a_loose_box_counts_at_a_low_iou_only() -> None:
    loose = [0.1, 0.1, 0.3, 0.234]  # IoU 0.67
    counted = compute_precisions([_result([(0.9, loose, 0)], [(HERE, 0)])], 1)
    assert (counted.ap50(), counted.ap75()) == (pytest.approx(1.0), 0.0)
    assert counted.ap() == pytest.approx(0.4)  # at 0.5, 0.55, 0.6 and 0.65


def test_a_class_that_is_nowhere_is_no_number_and_not_in_the_mean() -> None:
    counted = compute_precisions([_result([(0.9, HERE, 0), (0.9, THERE, 1)], [(HERE, 0)])], 2)
    assert counted.ap(label=1) is None
    assert counted.ap() == pytest.approx(1.0)


def test_nothing_at_all() -> None:
    counted = compute_precisions([_result([], [])], 2)
    assert counted.ap() is None
    assert compute_rates(counted.ranked, 0.5).f1 is None
    assert counted.curve().shape == (101,)


@pytest.mark.parametrize(("side_px", "size"), [(100, 1), (256, 2), (600, 3)])
def test_a_size_is_that_in_the_models_input(side_px: float, size: int) -> None:
    counted = compute_precisions([_result([(0.9, HERE, 0)], [(HERE, 0)], side_px)], 1)
    assert counted.object_counts.tolist() == [[1, *(int(size == s) for s in (1, 2, 3))]]
    assert counted.ap(size=size) == pytest.approx(1.0)


def test_rates_at_a_threshold() -> None:
    looks = [_result([(0.9, HERE, 0), (0.6, THERE, 0), (0.4, THERE, 1)], [(HERE, 0), (THERE, 1)])]
    ranked = compute_precisions(looks, 2).ranked
    sure, unsure = compute_rates(ranked, 0.5), compute_rates(ranked, 0.3)
    assert (sure.precision, sure.recall, sure.f1) == (0.5, 0.5, 0.5)
    assert (unsure.precision, unsure.recall, unsure.f1) == (2 / 3, 1.0, 0.8)
    assert compute_rates(ranked, 0.95).precision is None


def test_false_alarms_are_those_in_empty_pictures() -> None:
    found = [(0.9, HERE, 1), (0.6, THERE, 1), (0.4, THERE, 0)]
    looks = [_result(found, []), _result(found, [(HERE, 0)])]
    assert count_false_alarms(looks, 2, 0.5).tolist() == [0, 2]


def test_confusion_has_a_row_for_what_is_true_and_a_column_for_what_was_found() -> None:
    looks = [_result([(0.9, HERE, 1), (0.8, HERE, 0), (0.3, THERE, 0)], [(HERE, 0), (THERE, 0)])]
    table = build_confusion(looks, ("cat", "dog"), 0.5)
    assert table.labels == ("cat", "dog", "background")
    # The cat was taken for a dog, then there was none left for the second box; the other cat was not seen.
    assert table.counts == ((0, 1, 1), (0, 0, 0), (1, 0, 0))


def test_labels_are_matched_by_name() -> None:
    agreement = map_labels(("QR code", "face"), ("face", "qr_code", "cat"), model_name="m")
    assert agreement.labels == ("face", "qr_code")
    assert agreement.model_indices.tolist() == [1, 0, -1]
    assert agreement.picture_indices.tolist() == [0, 1, -1]
    assert agreement.unknown_to_model == ("cat",)
    assert map_labels(("cat", "dog"), ("dog",), model_name="m").not_in_pictures == ("cat",)
    with pytest.raises(ToolError, match=r"m knows none of .*it has cat; they have dog"):
        map_labels(("cat",), ("dog",), model_name="m")


def test_pictures_without_labels_take_the_models() -> None:
    assert map_labels(("cat", "dog"), (), model_name="m").labels == ("cat", "dog")
    nameless = map_labels((), (), model_name="m")
    assert (nameless.labels, nameless.model_indices.tolist()) == (("object",), [0])
