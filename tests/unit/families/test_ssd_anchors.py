"""The Object Detection API's heads without the post-process, against a plain decode."""

from dataclasses import replace

import numpy as np
import pytest
from numpy.typing import NDArray

from edged.errors import ModelError
from edged.families.ssd_anchors import SsdAnchorsFamily, make_standard_anchors
from edged.types import FileMetadata, Fit, Fitting, InputSpec, ModelSignature, TensorInfo
from support.families import quantise
from support.reference_decode import (
    Found,
    assert_same,
    coded_box,
    real,
    select,
    sigmoid,
    standard_anchors,
)
from support.sampling import seeded_random

pytestmark = pytest.mark.runtime

SIDE_PX, CLASSES = 96, 4
ROWS = 204


def info(index: int, shape: tuple[int, ...], name: str = "x") -> TensorInfo:
    return TensorInfo(index=index, name=name, shape=shape, dtype="float32")


def signature(
    *outputs: TensorInfo, labels: tuple[str, ...] = (), side_px: int = SIDE_PX
) -> ModelSignature:
    return ModelSignature(
        inputs=(info(99, (1, side_px, side_px, 3)),),
        outputs=outputs,
        metadata=FileMetadata(labels=labels),
    )


def matched(model: ModelSignature) -> SsdAnchorsFamily:
    family = SsdAnchorsFamily.match(model)
    assert isinstance(family, SsdAnchorsFamily), family
    return family


def make_tables() -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    rng = np.random.default_rng(seeded_random("ssd-anchors").getrandbits(32))
    logits = rng.normal(-4.5, 2.0, (ROWS, 1 + CLASSES))  # fewer than edged keeps at most
    logits[:, 0] = 5.0
    return rng.normal(0.0, 2.0, (ROWS, 4)), logits


def decode_plainly(codes: NDArray[np.float64], logits: NDArray[np.float64]) -> list[Found]:
    found = []
    for code, anchor, row in zip(codes, standard_anchors(SIDE_PX, SIDE_PX), logits, strict=True):
        best = max(range(1, 1 + CLASSES), key=row.tolist().__getitem__)
        box = coded_box(code.tolist(), anchor, [10.0, 10.0, 5.0, 5.0], exp=True)
        found.append(Found(box, sigmoid(row[best]), best - 1))
    return select(found, 0.3, 0.6)


@pytest.mark.parametrize("dtype", ["float32", "int8", "uint8", "int16"])
@pytest.mark.parametrize("is_reversed", [False, True])
def test_boxes_are_those_of_a_plain_decode(dtype: str, *, is_reversed: bool) -> None:
    parts = [quantise(table[None], dtype, -14.0, 14.0) for table in make_tables()]
    tensors = [
        replace(info(i, array.shape), dtype=dtype, scale=scale, zero_point=zero)
        for i, (array, scale, zero) in enumerate(parts)
    ]
    exact = [real(part[0][0], tensor) for part, tensor in zip(parts, tensors, strict=True)]
    order = [1, 0] if is_reversed else [0, 1]
    family = matched(signature(*(tensors[i] for i in order)))
    got = family.decode([parts[i][0] for i in order], Fit(), min_score=0.3)
    assert_same(got, decode_plainly(exact[0], exact[1]))


def test_scores_after_their_sigmoid_and_boxes_with_an_axis_more_are_read_too() -> None:
    codes, logits = make_tables()
    family = matched(signature(info(0, (1, ROWS, 1, 4)), info(1, (1, ROWS, 1 + CLASSES))))
    scores = 1 / (1 + np.exp(-logits))
    outputs = [codes[None, :, None].astype(np.float32), scores[None].astype(np.float32)]
    assert_same(family.decode(outputs, Fit(), min_score=0.3), decode_plainly(codes, logits))


@pytest.mark.parametrize(
    ("width", "height", "rows"), [(300, 300, 1917), (320, 320, 2034), (480, 270, 2682)]
)
def test_the_standard_anchors_are_those_of_the_api(width: int, height: int, rows: int) -> None:
    spec = InputSpec(tensor=info(0, (1, height, width, 3)), width=width, height=height)
    anchors = make_standard_anchors(spec)
    assert anchors.shape == (rows, 4)
    assert anchors == pytest.approx(np.array(standard_anchors(width, height)), abs=1e-6)


@pytest.mark.parametrize(
    ("labels", "offset"),
    [
        ((), 0),
        (tuple("abcd"), 0),
        (("???", *"abcd"), 1),
        (("Background", *"abcd"), 1),
        (("", *"abcd"), 1),
    ],
)
def test_labels_are_counted_with_or_without_the_background(
    labels: tuple[str, ...], offset: int
) -> None:
    outputs = info(0, (1, ROWS, 4)), info(1, (1, ROWS, 1 + CLASSES))
    assert matched(signature(*outputs, labels=labels)).class_offset == offset


@pytest.mark.parametrize("labels", [tuple("abcde"), tuple("abc"), ("???", *"abc")])
def test_a_label_list_of_another_length_is_refused(labels: tuple[str, ...]) -> None:
    outputs = info(0, (1, ROWS, 4)), info(1, (1, ROWS, 1 + CLASSES))
    clause = SsdAnchorsFamily.match(signature(*outputs, labels=labels))
    assert str(clause).startswith("its output has 4 classes and its label list")


def test_with_three_classes_the_names_tell_codes_from_scores() -> None:
    scores, codes = info(0, (1, ROWS, 4), "class_predictions"), info(1, (1, ROWS, 4), "encodings")
    assert matched(signature(scores, codes)).output_order == (1, 0)
    assert matched(signature(codes, scores)).output_order == (0, 1)


def test_a_float_input_is_stretched_and_scaled_to_minus_one_to_one() -> None:
    family = matched(signature(info(0, (1, 1917, 4)), info(1, (1, 1917, 91)), side_px=300))
    assert family.input.fitting is Fitting.STRETCH
    assert (family.input.mean, family.input.std) == ((127.5,), (127.5,))


@pytest.mark.parametrize("value", [np.nan, np.inf])
@pytest.mark.parametrize("spoilt", [0, 1])
def test_outputs_that_are_no_numbers_are_refused(spoilt: int, value: float) -> None:
    outputs = [table[None].astype(np.float32) for table in make_tables()]
    outputs[1][0, :, 1] = 3.0
    outputs[spoilt][:, :, 1:] = value
    family = matched(signature(info(0, (1, ROWS, 4)), info(1, (1, ROWS, 1 + CLASSES))))
    with pytest.raises(ModelError):
        family.decode(outputs, Fit(), min_score=0.3)
