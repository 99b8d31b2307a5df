"""The rules of evaluation, against cases that can be computed by hand."""

import numpy as np
import pytest

from edged.types import Detections
from edged_models.errors import ToolError
from edged_models.evaluation.average_precision import compute_precisions
from edged_models.evaluation.label_mapping import map_labels
from edged_models.evaluation.picture_result import PictureResult
from edged_models.evaluation.threshold import build_confusion, compute_rates, count_false_alarms

LEFT, RIGHT = [0.1, 0.1, 0.3, 0.3], [0.6, 0.6, 0.9, 0.9]
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


def test_average_precision_is_one_if_the_best_detections_are_all_correct() -> None:
    results = [_result([(0.9, LEFT, 0), (0.3, RIGHT, 0)], [(LEFT, 0)]), _result([(0.8, RIGHT, 0)], [(RIGHT, 0)])]  # fmt: skip
    table = compute_precisions(results, 1)
    assert table.ap() == table.ap50() == table.ap75() == pytest.approx(1.0)
    assert table.curve().tolist() == pytest.approx([1.0] * 101)


def test_a_false_detection_of_a_higher_score_and_a_missed_object_cost_precision() -> None:
    results = [_result([(0.9, RIGHT, 0)], [(LEFT, 0)]), _result([(0.8, RIGHT, 0)], [(RIGHT, 0)])]
    # Half of the objects is found, at a precision of one half: 51 of 101 recall points at 0.5.
    assert compute_precisions(results, 1).ap50() == pytest.approx(51 / 101 / 2)


def test_an_object_found_twice_counts_once() -> None:
    results = [_result([(0.9, LEFT, 0), (0.8, LEFT, 0)], [(LEFT, 0), (RIGHT, 0)])]
    table = compute_precisions(results, 1)
    assert table.ap50() == pytest.approx(51 / 101)
    assert table.ranked[0].is_correct.tolist() == [True, False]


def test_a_loose_box_counts_at_a_low_iou_only() -> None:
    loose = [0.1, 0.1, 0.3, 0.234]  # IoU 0.67
    table = compute_precisions([_result([(0.9, loose, 0)], [(LEFT, 0)])], 1)
    assert (table.ap50(), table.ap75()) == (pytest.approx(1.0), 0.0)
    assert table.ap() == pytest.approx(0.4)  # at 0.5, 0.55, 0.6 and 0.65


def test_a_class_without_objects_has_no_ap_and_is_not_in_the_mean() -> None:
    table = compute_precisions([_result([(0.9, LEFT, 0), (0.9, RIGHT, 1)], [(LEFT, 0)])], 2)
    assert table.ap(label=1) is None
    assert table.ap() == pytest.approx(1.0)


def test_no_objects_and_no_detections() -> None:
    table = compute_precisions([_result([], [])], 2)
    assert table.ap() is None
    assert compute_rates(table.ranked, 0.5).f1 is None
    assert table.curve().shape == (101,)


@pytest.mark.parametrize(("side_px", "size"), [(100, 1), (256, 2), (600, 3)])
def test_sizes_are_measured_in_the_input_of_the_model(side_px: float, size: int) -> None:
    table = compute_precisions([_result([(0.9, LEFT, 0)], [(LEFT, 0)], side_px)], 1)
    assert table.object_counts.tolist() == [[1, *(int(size == s) for s in (1, 2, 3))]]
    assert table.ap(size=size) == pytest.approx(1.0)


def test_rates_at_a_threshold() -> None:
    results = [_result([(0.9, LEFT, 0), (0.6, RIGHT, 0), (0.4, RIGHT, 1)], [(LEFT, 0), (RIGHT, 1)])]
    ranked = compute_precisions(results, 2).ranked
    sure, unsure = compute_rates(ranked, 0.5), compute_rates(ranked, 0.3)
    assert (sure.precision, sure.recall, sure.f1) == (0.5, 0.5, 0.5)
    assert (unsure.precision, unsure.recall, unsure.f1) == (2 / 3, 1.0, 0.8)
    assert compute_rates(ranked, 0.95).precision is None


def test_false_alarms_are_those_in_empty_pictures() -> None:
    found = [(0.9, LEFT, 1), (0.6, RIGHT, 1), (0.4, RIGHT, 0)]
    results = [_result(found, []), _result(found, [(LEFT, 0)])]
    assert count_false_alarms(results, 2, 0.5).tolist() == [0, 2]


def test_confusion_has_true_classes_as_rows_and_detected_classes_as_columns() -> None:
    results = [_result([(0.9, LEFT, 1), (0.8, LEFT, 0), (0.3, RIGHT, 0)], [(LEFT, 0), (RIGHT, 0)])]
    confusion = build_confusion(results, ("cat", "dog"), 0.5)
    assert confusion.labels == ("cat", "dog", "background")
    # The cat was taken for a dog, then there was none left for the second box; the other cat was not seen.
    assert confusion.counts == ((0, 1, 1), (0, 0, 0), (1, 0, 0))


def test_labels_are_matched_by_name() -> None:
    mapping = map_labels(("QR code", "face"), ("face", "qr_code", "cat"), model_name="m")
    assert mapping.labels == ("face", "qr_code")
    assert mapping.model_indices.tolist() == [1, 0, -1]
    assert mapping.picture_indices.tolist() == [0, 1, -1]
    assert mapping.unknown_to_model == ("cat",)
    assert map_labels(("cat", "dog"), ("dog",), model_name="m").not_in_pictures == ("cat",)
    with pytest.raises(ToolError, match=r"m knows none of .*it has cat; they have dog"):
        map_labels(("cat",), ("dog",), model_name="m")


def test_pictures_without_labels_use_the_labels_of_the_model() -> None:
    assert map_labels(("cat", "dog"), (), model_name="m").labels == ("cat", "dog")
    nameless = map_labels((), (), model_name="m")
    assert (nameless.labels, nameless.model_indices.tolist()) == (("object",), [0])
