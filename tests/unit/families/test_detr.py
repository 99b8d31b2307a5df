"""RF-DETR, RT-DETR and D-FINE: which output is which, labels, scaling, and a plain decode."""

from dataclasses import replace

import numpy as np
import pytest

from edged.errors import ModelError
from edged.families.detr import DetrFamily
from edged.families.detr_outputs import ClassIdOutputs, LogitOutputs
from edged.types import FileMetadata, Fit, Fitting, ModelSignature, TensorInfo
from support.families import quantise
from support.reference_decode import Found, assert_same, real, select, sigmoid
from support.sampling import seeded_random

pytestmark = pytest.mark.runtime

COCO_80 = ("person", "bicycle", "car", *(f"class {i}" for i in range(3, 79)), "toothbrush")


def make_signature(
    *outputs: tuple[str, tuple[int, ...]],
    side_px: int = 640,
    labels: tuple[str, ...] = (),
    inputs: tuple[str, ...] = ("images",),
) -> ModelSignature:
    return ModelSignature(
        inputs=tuple(
            TensorInfo(index=90 + i, name=name, shape=(1, side_px, side_px, 3), dtype="float32")
            for i, name in enumerate(inputs)
        ),
        outputs=tuple(
            TensorInfo(index=i, name=name, shape=shape, dtype="float32")
            for i, (name, shape) in enumerate(outputs)
        ),
        metadata=FileMetadata(labels=labels),
    )


def rf_detr(columns: int = 91, labels: tuple[str, ...] = ()) -> ModelSignature:
    return make_signature(
        ("dets", (1, 300, 4)), ("labels", (1, 300, columns)), side_px=384, labels=labels
    )


def matched(signature: ModelSignature) -> DetrFamily:
    family = DetrFamily.match(signature)
    assert isinstance(family, DetrFamily), family
    return family


def logits_with(columns: int, *best: int) -> np.ndarray:
    logits = np.full((1, 300, columns), -6.0, np.float32)
    for row, column in enumerate(best):
        logits[0, row, column] = 3.0 - row / 10
    return logits


BOXES = np.tile(np.array([0.5, 0.5, 0.2, 0.4], np.float32), (1, 300, 1))


@pytest.mark.parametrize("dtype", ["float32", "int8", "uint8"])
@pytest.mark.parametrize("order", [[0, 1], [1, 0]])
def test_boxes_are_those_of_a_plain_decode(dtype: str, order: list[int]) -> None:
    rng = np.random.default_rng(seeded_random("detr").getrandbits(32))
    boxes = rng.uniform(0.05, 0.95, (300, 4))
    logits = rng.normal(-5.0, 1.5, (300, 80))
    parts = [
        quantise(boxes[None], dtype, 0.0, 1.0),
        quantise(logits[None], dtype, -14.0, 4.0),
    ]
    plain = make_signature(("boxes", (1, 300, 4)), ("logits", (1, 300, 80)))
    tensors = [
        replace(tensor, dtype=dtype, scale=scale, zero_point=zero)
        for tensor, (_, scale, zero) in zip(plain.outputs, parts, strict=True)
    ]
    family = matched(replace(plain, outputs=tuple(tensors[i] for i in order)))
    got = family.decode([parts[i][0] for i in order], Fit(), min_score=0.4)
    exact = [real(part[0][0], tensor) for part, tensor in zip(parts, tensors, strict=True)]
    found = []
    for (x, y, width, height), row in zip(*exact, strict=True):
        best = max(range(80), key=row.tolist().__getitem__)
        box = (x - width / 2, y - height / 2, x + width / 2, y + height / 2)
        found.append(Found(box, sigmoid(row[best]), best))
    assert_same(got, select(found, 0.4, None)[:100])


def test_of_two_queries_on_the_same_place_both_are_kept() -> None:
    found = matched(rf_detr()).decode([BOXES, logits_with(91, 3, 3)], Fit(), min_score=0.5)
    assert found.boxes == pytest.approx(np.array([[0.4, 0.3, 0.6, 0.7]] * 2))


@pytest.mark.parametrize(
    ("labels", "columns", "expected"),
    [
        ((), (1, 3, 90), [1, 3, 90]),
        (("N/A", *(f"id {i}" for i in range(1, 91))), (1, 3, 90), [1, 3, 90]),
        (tuple(f"id {i}" for i in range(1, 91)), (1, 3, 90), [0, 2, 89]),
        (COCO_80, (1, 3, 90), [0, 2, 79]),
    ],
)
def test_cocos_91_columns_are_named_by_lists_of_91_90_or_80(
    labels: tuple[str, ...], columns: tuple[int, ...], expected: list[int]
) -> None:
    family = matched(rf_detr(labels=labels))
    found = family.decode([BOXES, logits_with(91, *columns)], Fit(), min_score=0.5)
    assert found.class_ids.tolist() == expected
    assert family.class_offset == 0


def test_columns_that_are_no_class_are_not_reported() -> None:
    logits = logits_with(91, 0, 12, 83)
    logits[0, 1, 5] = 0.5  # the best real class of the second query
    found = matched(rf_detr(labels=COCO_80)).decode([BOXES, logits], Fit(), min_score=0.3)
    assert found.class_ids.tolist() == [4]
    assert found.scores == pytest.approx([sigmoid(0.5)])


@pytest.mark.parametrize("labels", [("background", "cat", "dog"), ("cat", "dog", "background")])
def test_a_background_in_the_list_says_where_the_classes_are_counted_from(
    labels: tuple[str, ...],
) -> None:
    family = matched(rf_detr(columns=3, labels=labels))
    found = family.decode([BOXES, logits_with(3, 0, 1, 2)], Fit(), min_score=0.5)
    assert [labels[i] for i in found.class_ids] == ["cat", "dog"]


@pytest.mark.parametrize(
    ("labels", "clause"),
    [
        (
            ("cat", "dog"),
            'add "background" to its end, or to its beginning if the model counts from 1',
        ),
        (("cat",), "its output has 3 columns and its label list 1"),
        (("", "cat", "dog"), "its label list 2 names, because it counts from 1"),
    ],
)
def test_a_label_list_that_could_be_shifted_is_refused(
    labels: tuple[str, ...], clause: str
) -> None:
    assert clause in str(DetrFamily.match(rf_detr(columns=3, labels=labels)))


@pytest.mark.parametrize("first", ["background", "???", ""])
@pytest.mark.parametrize("count", [80, 90])
def test_a_list_for_cocos_91_columns_that_lacks_a_name_is_refused(first: str, count: int) -> None:
    """A list of 90 begins with class 1, so that a further first entry would make a car of each bicycle."""
    labels = (first, *(f"class {i}" for i in range(1, count)))
    clause = str(DetrFamily.match(rf_detr(labels=labels)))
    assert f"its output has 91 columns and its label list {count - 1} names" in clause


def test_the_box_codes_of_an_ssd_are_not_taken_for_the_boxes_of_a_detr() -> None:
    codes = np.random.default_rng(1).normal(0.0, 1.0, BOXES.shape).astype(np.float32)
    with pytest.raises(ModelError, match="they are box codes, as of an SSD"):
        matched(rf_detr()).decode([codes, logits_with(91, 1)], Fit(), min_score=0.5)


def test_with_four_columns_the_names_tell_boxes_from_logits() -> None:
    shape = (1, 300, 4)
    family = matched(make_signature(("labels", shape), ("dets", shape)))
    assert isinstance(family.outputs, LogitOutputs)
    assert (family.outputs.boxes.position, family.outputs.logits.position) == (1, 0)
    declined = DetrFamily.match(make_signature(("Identity", shape), ("Identity_1", shape)))
    assert "no name tells which are the boxes" in str(declined)


@pytest.mark.parametrize("names", [("labels", "boxes", "scores"), ("scores", "labels", "boxes")])
def test_class_ids_and_scores_are_told_apart_by_their_names(names: tuple[str, ...]) -> None:
    shapes = {"labels": (1, 300), "boxes": (1, 300, 4), "scores": (1, 300)}
    family = matched(make_signature(*((name, shapes[name]) for name in names)))
    assert isinstance(family.outputs, ClassIdOutputs)
    places = [family.outputs.class_ids, family.outputs.boxes, family.outputs.scores]
    assert [place.position for place in places] == [names.index(name) for name in shapes]


def test_class_ids_and_scores_are_told_apart_by_their_types() -> None:
    signature = make_signature(("a", (1, 300)), ("b", (1, 300, 4)), ("c", (1, 300)))
    assert "no name tells" in str(DetrFamily.match(signature))
    outputs = (*signature.outputs[:2], replace(signature.outputs[2], dtype="int64"))
    family = matched(replace(signature, outputs=outputs))
    assert isinstance(family.outputs, ClassIdOutputs)
    assert family.outputs.class_ids.position == 2


@pytest.mark.parametrize(
    ("signature", "is_normalised"),
    [
        (rf_detr(), True),
        (make_signature(("Identity", (1, 300, 4)), ("b", (1, 300, 5)), side_px=512), True),
        (make_signature(("Identity", (1, 300, 4)), ("b", (1, 300, 91))), True),
        (make_signature(("Identity", (1, 300, 4)), ("b", (1, 300, 80))), False),
        (make_signature(("pred_boxes", (1, 300, 4)), ("b", (1, 300, 5)), side_px=512), False),
        (make_signature(("boxes", (1, 300, 4)), ("labels", (1, 300)), ("scores", (1, 300))), False),
    ],
)
def test_only_rf_detr_is_normalised_by_imagenet(
    signature: ModelSignature, *, is_normalised: bool
) -> None:
    spec = matched(signature).input
    expected = ((123.675, 116.28, 103.53), (58.395, 57.12, 57.375))
    assert (spec.mean, spec.std) == (expected if is_normalised else ((0.0,), (255.0,)))
    assert spec.fitting is Fitting.STRETCH


def test_the_post_processors_second_input_is_named() -> None:
    outputs = ("boxes", (1, 300, 4)), ("labels", (1, 300)), ("scores", (1, 300))
    signature = make_signature(*outputs, inputs=("images", "orig_target_sizes"))
    clause = DetrFamily.match(signature)
    assert clause == (
        "it has 2 inputs instead of one picture: export it without the post-processor, whose input is orig_target_sizes"
    )


def test_the_first_detr_with_its_softmax_is_declined() -> None:
    signature = make_signature(("boxes", (1, 100, 4)), ("logits", (1, 100, 92)))
    assert "a class for no object" in str(DetrFamily.match(signature))


@pytest.mark.parametrize("value", [np.nan, np.inf])
@pytest.mark.parametrize("spoilt", [0, 1])
def test_outputs_that_are_no_numbers_are_refused(spoilt: int, value: float) -> None:
    outputs = [BOXES.copy(), logits_with(91, 1)]
    outputs[spoilt][0, 0] = value
    with pytest.raises(ModelError):
        matched(rf_detr()).decode(outputs, Fit(), min_score=0.5)
