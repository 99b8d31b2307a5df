"""Details of single families, and the functions that they share."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edged.errors import ModelError
from edged.families.candidates import MAX_DETECTIONS, build_detections
from edged.families.classification import ClassificationFamily
from edged.families.hits import find_above_threshold
from edged.families.inputs import image_input
from edged.families.nms import suppress
from edged.families.outputs import dequantise
from edged.families.ssd import SsdFamily
from edged.families.yolo_nms_free import YoloNmsFreeFamily
from edged.families.yolov5 import YoloV5Family
from edged.families.yolov8 import YoloV8Family
from edged.families.yolox import YoloxFamily
from edged.registry import FAMILIES, load_driver
from edged.types import FileMetadata, Fit, Fitting, ModelSignature, OpInfo, TensorInfo
from support.families import BOXES, CASES, CLASSES, SIDE_PX, make_case, ssd, yolov5, yolov8

pytestmark = pytest.mark.runtime


def in_order(order: list[int], names: str = "wxyz") -> tuple[SsdFamily, list[np.ndarray]]:
    """Return an SSD without the operator, whose outputs are declared in this order."""
    case = ssd("float32")
    infos = [
        replace(case.signature.outputs[i], name=name) for i, name in zip(order, names, strict=True)
    ]
    signature = replace(case.signature, outputs=tuple(infos), ops=())
    family = SsdFamily.match(signature)
    assert isinstance(family, SsdFamily), family
    return family, [np.asarray(case.outputs[i]) for i in order]


@pytest.mark.parametrize("order", [[0, 1, 2, 3], [2, 0, 3, 1]])
def test_ssd_without_the_operator_is_read_in_tf1s_and_in_tf2s_order(order: list[int]) -> None:
    family, outputs = in_order(order)
    found = family.decode(outputs, Fit(), min_score=0.5)
    assert found.boxes == pytest.approx(BOXES[:2], abs=1e-5)
    assert found.class_ids.tolist() == [2, 0]


def test_ssd_outputs_are_found_by_their_names_in_any_order() -> None:
    case = ssd("float32")
    names = ("num_detections", "detection_scores", "detection_classes", "detection_boxes")
    infos = [
        replace(case.signature.outputs[i], name=n) for i, n in zip((3, 2, 1, 0), names, strict=True)
    ]
    family = SsdFamily.match(replace(case.signature, outputs=tuple(infos), ops=()))
    assert isinstance(family, SsdFamily)
    assert family.output_order == (3, 2, 1, 0)


def test_ssd_in_an_unknown_order_is_declined() -> None:
    case = ssd("float32")
    infos = tuple(
        replace(t, name=n) for t, n in zip(reversed(case.signature.outputs), "wxyz", strict=True)
    )
    assert "known order" in str(SsdFamily.match(replace(case.signature, outputs=infos, ops=())))


@pytest.mark.parametrize("count", [-1.0, 6.0, np.nan])
def test_ssd_with_an_impossible_count_is_nonsense(count: float) -> None:
    family, outputs = in_order([0, 1, 2, 3])
    outputs[3] = np.array([count], np.float32)
    with pytest.raises(ModelError, match="reports"):
        family.decode(outputs, Fit(), min_score=0.5)


def test_ssd_with_nothing_counted_reads_nothing() -> None:
    family, outputs = in_order([0, 1, 2, 3])
    rubbish = [np.full_like(output, np.nan) for output in outputs[:3]]
    assert len(family.decode([*rubbish, np.zeros(1, np.float32)], Fit(), min_score=0.0)) == 0


@pytest.mark.parametrize(("first", "offset"), [("???", 1), ("background", 1), ("person", 0)])
def test_ssd_labels_may_begin_with_a_background_that_is_not_counted(
    first: str, offset: int
) -> None:
    case = ssd("float32")
    labels = FileMetadata(labels=(first, "a", "b", "c"))
    family = SsdFamily.match(replace(case.signature, metadata=labels))
    assert isinstance(family, SsdFamily)
    assert family.class_offset == offset


@pytest.mark.parametrize("class_id", [-3.0, np.nan, 1e9])
def test_an_impossible_class_is_nonsense(class_id: float) -> None:
    family, outputs = in_order([0, 1, 2, 3])
    outputs[1] = np.full_like(outputs[1], class_id)
    with pytest.raises(ModelError, match="class"):
        family.decode(outputs, Fit(), min_score=0.5)


@pytest.mark.parametrize("count", [0, 1, 3])
def test_a_suppression_may_return_only_what_it_found(count: int) -> None:
    case = CASES["yolo-nms-free"]("float32")
    output = replace(case.signature.outputs[0], shape=(1, -1, 6))
    family = YoloNmsFreeFamily.match(replace(case.signature, outputs=(output,)))
    assert isinstance(family, YoloNmsFreeFamily), family
    rows = np.asarray(case.outputs[0])[:, :count]
    assert len(family.decode([rows], Fit(), min_score=0.1)) == count


@pytest.mark.parametrize("name", CASES)
def test_scores_that_are_no_shares_are_nonsense(name: str) -> None:
    """Such as logits, or coordinates in pixels where class scores are expected."""
    case = CASES[name]("float32")
    family = load_driver(FAMILIES, name).match(case.signature)
    with pytest.raises(ModelError, match="scores reach"):
        family.decode(
            [20 * output for output in case.outputs[:3]] + list(case.outputs[3:]),
            Fit(),
            min_score=0.5,
        )


@pytest.mark.parametrize("family", [YoloV5Family, YoloV8Family, YoloNmsFreeFamily])
def test_coordinates_in_pixels_are_distinguished_from_fractions(
    family: type[YoloV5Family | YoloV8Family | YoloNmsFreeFamily],
) -> None:
    case = CASES[family.name]("float32")
    output = np.array(case.outputs[0])
    coordinates = output[:, :4] if family is YoloV8Family else output[:, :, :4]
    coordinates *= SIDE_PX
    made = family.match(case.signature)
    assert not isinstance(made, str)
    found = made.decode([output], Fit(), min_score=0.5)
    assert found.boxes == pytest.approx(BOXES[:2], abs=1e-5)


def test_a_yolo_whose_labels_disagree_with_its_output_is_declined() -> None:
    labels = FileMetadata(labels=("one", "two"))
    clause = YoloV8Family.match(replace(yolov8("float32").signature, metadata=labels))
    assert str(clause).startswith(f"its output has {CLASSES} classes and its label list 2:")


def test_a_yolov5_of_one_class_is_not_taken_for_one_that_has_suppressed() -> None:
    case = yolov5("float32")
    one_class = replace(case.signature.outputs[0], shape=(1, 252, 6))
    signature = replace(case.signature, outputs=(one_class,))
    assert isinstance(YoloNmsFreeFamily.match(signature), str)
    assert isinstance(YoloV5Family.match(signature), YoloV5Family)


def test_a_yolox_whose_sizes_overflow_is_nonsense() -> None:
    case = CASES["yolox"]("float32")
    family = YoloxFamily.match(case.signature)
    assert isinstance(family, YoloxFamily)
    output = np.array(case.outputs[0])
    output[..., 2] = 400.0
    with pytest.raises(ModelError, match="NaN"):
        family.decode([output], Fit(), min_score=0.5)


def classifier(op: str, labels: tuple[str, ...] = ()) -> ClassificationFamily:
    case = make_case(
        [("out", np.zeros((1, 3)), 0, 1)],
        ops=(
            OpInfo(name=op, inputs=(8,), outputs=(9,)),
            OpInfo(name="DEQUANTIZE", inputs=(9,), outputs=(1,)),
        ),
        labels=labels,
    )
    family = ClassificationFamily.match(case.signature)
    assert isinstance(family, ClassificationFamily)
    return family


def test_logits_are_made_probabilities_and_probabilities_left_alone() -> None:
    logits = np.array([[1.0, 3.0, 2.0]], np.float32)
    by_hand = np.exp(3.0) / np.exp([1.0, 3.0, 2.0]).sum()
    found = classifier("FULLY_CONNECTED", ("a", "b", "c")).decode([logits], Fit(), min_score=0.1)
    assert found.scores == pytest.approx([by_hand])
    left = classifier("SOFTMAX").decode([logits / 10], Fit(), min_score=0.1)
    assert left.scores == pytest.approx([0.3])


def test_background_is_no_detection() -> None:
    family = classifier("SOFTMAX", ("background", "cat", "dog"))
    background, cat = ([[0.8, 0.1, 0.1]], [[0.3, 0.6, 0.1]])
    assert len(family.decode([np.array(background, np.float32)], Fit(), min_score=0.1)) == 0
    assert family.decode([np.array(cat, np.float32)], Fit(), min_score=0.1).class_ids == [1]


def test_labels_with_one_more_than_the_classes_begin_with_background() -> None:
    assert classifier("SOFTMAX", ("background", "a", "b", "c")).class_offset == 1


@given(
    st.lists(st.integers(-128, 127), min_size=1, max_size=50),
    st.floats(0.001, 0.1),
    st.integers(-128, 127),
    st.floats(0.0, 1.0),
)
def test_comparing_as_stored_is_comparing_after_dequantising(
    stored: list[int], scale: float, zero_point: int, threshold: float
) -> None:
    tensor = TensorInfo(
        index=0, name="t", shape=(len(stored),), dtype="int8", scale=scale, zero_point=zero_point
    )
    values = np.array(stored, np.int8)
    kept = find_above_threshold(values, tensor, threshold)
    exact = (values.astype(np.float64) - zero_point) * scale
    assert (exact[kept] >= threshold - 1e-5 * scale).all()
    assert (np.delete(exact, kept) < threshold).all()
    assert dequantise(values, tensor) == pytest.approx(exact, abs=1e-4)


def test_suppression_keeps_the_best_of_each_class() -> None:
    box = [0.1, 0.1, 0.5, 0.5]
    near, far = [0.12, 0.1, 0.52, 0.5], [0.6, 0.6, 0.9, 0.9]
    boxes = np.array([box, near, near, far], np.float32)
    assert suppress(boxes, np.array([0, 0, 1, 0], np.int32), 0.45).tolist() == [0, 2, 3]


def test_a_suppressed_box_suppresses_none() -> None:
    steps = np.array(
        [[0.0, 0.0, 0.4, 1.0], [0.15, 0.0, 0.55, 1.0], [0.3, 0.0, 0.7, 1.0]], np.float32
    )
    assert suppress(steps, np.zeros(3, np.int32), 0.45).tolist() == [0, 2]


def test_boxes_in_the_padding_are_left_out_and_the_best_are_kept() -> None:
    rng = np.random.default_rng(1)
    low = rng.uniform(0, 0.9, (400, 2))
    boxes = np.concatenate([low, low + 0.05], axis=1).astype(np.float32)
    scores = rng.uniform(0, 1, 400).astype(np.float32)
    found = build_detections(
        boxes, scores, np.zeros(400), Fit(1.0, 0.5, 0.0, 0.5), iou_threshold=None
    )
    inside = np.flatnonzero(boxes[:, 3] > 0.5)
    assert len(found) == MAX_DETECTIONS
    assert found.scores.tolist() == sorted(scores[inside].tolist(), reverse=True)[:MAX_DETECTIONS]
    assert (found.boxes[:, 2:] > found.boxes[:, :2]).all()


@pytest.mark.parametrize(
    ("tensor", "metadata", "expected"),
    [
        (("uint8", 0.0078125, 128), (127.5, 127.5), (128.0, 128.0)),
        (("int8", 1 / 255, -128), None, (0.0, 255.0)),
        (("int8", 1 / 255, -128), (10.0, 2.0), (10.0, 2.0)),
        (("float32", 0.0, 0), None, (3.0, 4.0)),
        (("float32", 0.0, 0), (10.0, 2.0), (10.0, 2.0)),
    ],
)
def test_where_the_scaling_of_pixels_comes_from(
    tensor: tuple[str, float, int],
    metadata: tuple[float, float] | None,
    expected: tuple[float, float],
) -> None:
    dtype, scale, zero_point = tensor
    info = TensorInfo(
        index=0, name="in", shape=(1, 32, 32, 3), dtype=dtype, scale=scale, zero_point=zero_point
    )
    file_metadata = (
        FileMetadata(mean=metadata[:1], std=metadata[1:]) if metadata else FileMetadata()
    )
    spec = image_input(
        ModelSignature(inputs=(info,), outputs=(), metadata=file_metadata),
        fitting=Fitting.STRETCH,
        mean=3.0,
        std=4.0,
    )
    assert not isinstance(spec, str)
    assert (*spec.mean, *spec.std) == pytest.approx(expected)
