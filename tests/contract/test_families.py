"""Every registered model family recognises its models and no others, and decodes their outputs correctly."""

from dataclasses import replace

import numpy as np
import pytest

from edged.errors import ModelError
from edged.interfaces import ModelFamily
from edged.registry import FAMILIES, load_driver
from edged.types import Detections, Fit, ModelSignature, TensorInfo
from support.families import BOXES, CLASS_IDS, CLASSES, SCORES, FamilyCase, classification
from support.families import CASES as FAMILY_CASES
from support.head_cases import HEAD_CASES, detr_class_ids, fomo

pytestmark = pytest.mark.runtime

DTYPES = ["float32", "uint8", "int8", "int16"]
CASES = {**FAMILY_CASES, **HEAD_CASES}
ALL = {**CASES, "fomo": fomo, "classification": classification}


def matched(name: str, signature: ModelSignature) -> ModelFamily:
    family = load_driver(FAMILIES, name).match(signature)
    assert not isinstance(family, str), family
    made: ModelFamily = family
    return made


def decoded(
    name: str, case: FamilyCase, fit: Fit | None = None, min_score: float = 0.5
) -> Detections:
    return matched(name, case.signature).decode(case.outputs, fit or Fit(), min_score=min_score)


def test_there_is_a_case_for_every_family() -> None:
    assert set(ALL) == set(FAMILIES)
    assert {load_driver(FAMILIES, name).name for name in FAMILIES} == set(FAMILIES)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("name", CASES)
def test_boxes_scores_and_classes_are_read(name: str, dtype: str) -> None:
    case = CASES[name](dtype)
    found = decoded(name, case)
    assert found.class_ids.tolist() == CLASS_IDS[:2].tolist()
    assert found.boxes == pytest.approx(BOXES[:2], abs=2 * case.tolerance)
    assert found.scores == pytest.approx(SCORES[:2], abs=2 * case.tolerance)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("name", ALL)
def test_detections_are_no_views_of_the_outputs(name: str, dtype: str) -> None:
    """The outputs can be the interpreter's own memory, which the next invocation fills."""
    case = ALL[name](dtype)
    kept = [output.copy() for output in case.outputs]
    found = decoded(name, case)
    assert len(found) > 0
    for part in (found.boxes, found.scores, found.class_ids):
        assert not any(np.shares_memory(part, output) for output in case.outputs)
    assert all(np.array_equal(a, b) for a, b in zip(kept, case.outputs, strict=True))


@pytest.mark.parametrize("name", ALL)
def test_a_label_list_that_counts_from_1_is_shifted(name: str) -> None:
    signature = ALL[name]("float32").signature
    labels = ("", *(f"name {index}" for index in range(CLASSES + (name == "classification"))))
    labelled = replace(signature, metadata=replace(signature.metadata, labels=labels))
    assert matched(name, labelled).class_offset == 1


@pytest.mark.parametrize("dtype", DTYPES)
def test_class_ids_and_scores_of_a_detr_with_its_post_processor_are_read(dtype: str) -> None:
    case = detr_class_ids(dtype)
    found = decoded("detr", case)
    assert found.class_ids.tolist() == CLASS_IDS[:2].tolist()
    assert found.boxes == pytest.approx(BOXES[:2], abs=case.tolerance)
    assert found.scores == pytest.approx(SCORES[:2], abs=case.tolerance)


@pytest.mark.parametrize("name", CASES)
def test_the_threshold_is_the_callers(name: str) -> None:
    case = CASES[name]("float32")
    assert [len(decoded(name, case, min_score=s)) for s in (0.95, 0.7, 0.1)] == [0, 1, 3]


@pytest.mark.parametrize("name", CASES)
def test_boxes_are_brought_back_to_the_frame(name: str) -> None:
    """The frame is the middle half of the tensor; the rest is padding."""
    found = decoded(name, CASES[name]("float32"), Fit(1.0, 0.5, 0.0, 0.25))
    expected = np.clip((BOXES[:2] - [0, 0.25, 0, 0.25]) / [1, 0.5, 1, 0.5], 0, 1)
    assert found.boxes == pytest.approx(expected, abs=1e-4)


@pytest.mark.parametrize("value", [np.nan, np.inf])
@pytest.mark.parametrize("name", ALL)
def test_outputs_that_are_not_numbers_are_refused(name: str, value: float) -> None:
    case = ALL[name]("float32")
    spoilt = tuple(np.full_like(output, value) for output in case.outputs)
    with pytest.raises(ModelError):
        matched(name, case.signature).decode(spoilt, Fit(), min_score=0.5)


@pytest.mark.parametrize("name", ALL)
def test_no_other_family_takes_the_model_before_it(name: str) -> None:
    signature = ALL[name]("float32").signature
    takers = [n for n in FAMILIES if not isinstance(load_driver(FAMILIES, n).match(signature), str)]
    assert takers[0] == name


@pytest.mark.parametrize("name", FAMILIES)
@pytest.mark.parametrize(
    ("inputs", "clause"),
    [
        ([(1, 64, 64, 3), (1, 8)], "2 inputs"),
        ([(1, 5, 5, 128)], "not a picture"),
        ([(1, -1, -1, 3)], "not a picture"),
        ([], "0 inputs"),
    ],
)
def test_a_model_without_one_picture_is_declined_with_a_clause(
    name: str, inputs: list[tuple[int, ...]], clause: str
) -> None:
    tensors = tuple(
        TensorInfo(index=50 + i, name="in", shape=shape, dtype="uint8")
        for i, shape in enumerate(inputs)
    )
    case = ALL[name]("float32")
    signature = ModelSignature(
        inputs=tensors, outputs=case.signature.outputs, ops=case.signature.ops
    )
    declined = load_driver(FAMILIES, name).match(signature)
    assert isinstance(declined, str)
    assert clause in declined


@pytest.mark.parametrize("name", FAMILIES)
def test_outputs_of_another_shape_are_declined_with_a_clause(name: str) -> None:
    signature = ALL[name]("float32").signature
    outputs = (TensorInfo(index=1, name="out", shape=(1, 896, 16), dtype="float32"),)
    declined = load_driver(FAMILIES, name).match(
        ModelSignature(inputs=signature.inputs, outputs=outputs)
    )
    assert isinstance(declined, str)
    assert "its output" in declined or "1 outputs" in declined


@pytest.mark.parametrize("dtype", DTYPES)
def test_a_class_of_the_whole_picture_fills_the_frame(dtype: str) -> None:
    case = classification(dtype)
    found = decoded("classification", case, Fit(1.0, 0.5, 0.0, 0.25), min_score=0.5)
    assert found.boxes.tolist() == [[0.0, 0.0, 1.0, 1.0]]
    assert found.class_ids.tolist() == [1]
    assert found.scores == pytest.approx([0.7], abs=2 * case.tolerance)
    assert len(decoded("classification", case, min_score=0.8)) == 0


@pytest.mark.parametrize("dtype", DTYPES)
def test_touching_cells_of_a_fomo_are_one_object(dtype: str) -> None:
    case = fomo(dtype)
    found = decoded("fomo", case)
    assert found.boxes == pytest.approx(np.array([[2, 1, 4, 3], [0, 7, 1, 8]]) / 8)
    assert found.class_ids.tolist() == [1, 0]
    assert found.scores == pytest.approx([0.9, 0.6], abs=2 * case.tolerance)
    assert [len(decoded("fomo", case, min_score=s)) for s in (0.95, 0.8, 0.65)] == [0, 1, 1]
    assert decoded("fomo", case, Fit(1.0, 0.5, 0.0, 0.25)).boxes[0] == pytest.approx(
        [0.25, 0.0, 0.5, 0.25]
    )
