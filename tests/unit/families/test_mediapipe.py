"""MediaPipe's detectors, against a plain decode of what their metadata says."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from edged.errors import ModelError
from edged.families.mediapipe import MediaPipeFamily
from edged.types import BoxDecoding, FileMetadata, Fit, Fitting, ModelSignature, TensorInfo
from support.families import quantise
from support.reference_decode import Found, assert_same, coded_box, real, select, sigmoid
from support.sampling import seeded_random

pytestmark = pytest.mark.runtime

ROWS, CLASSES = 60, 3
SCALES = (10.0, 8.0, 5.0, 4.0)
RNG_ANCHORS = np.random.default_rng(7).uniform(0.1, 0.9, (ROWS, 4)).astype(np.float32)


def decoding(**changes: Any) -> BoxDecoding:
    values: dict[str, Any] = {
        "packed_anchors": RNG_ANCHORS.tobytes(),
        "class_count": CLASSES,
        "value_count": 4,
        "scales": SCALES,
        "has_exponential_sizes": True,
        "has_logits": False,
    }
    return BoxDecoding(**{**values, **changes})


def make_signature(
    *shapes: tuple[int, ...],
    options: BoxDecoding | None = None,
    labels: tuple[str, ...] = (),
) -> ModelSignature:
    return ModelSignature(
        inputs=(TensorInfo(index=9, name="in", shape=(1, 320, 320, 3), dtype="float32"),),
        outputs=tuple(
            TensorInfo(index=i, name="x", shape=shape, dtype="float32")
            for i, shape in enumerate(shapes)
        ),
        metadata=FileMetadata(box_decoding=options, labels=labels),
    )


def matched(signature: ModelSignature) -> MediaPipeFamily:
    family = MediaPipeFamily.match(signature)
    assert isinstance(family, MediaPipeFamily), family
    return family


@pytest.mark.parametrize("dtype", ["float32", "int8", "uint8"])
@pytest.mark.parametrize("order", [[0, 1], [1, 0]])
@pytest.mark.parametrize("exp", [True, False])
@pytest.mark.parametrize("logits", [True, False])
@pytest.mark.parametrize("labels", [(), ("background", "cat", "dog")])
def test_boxes_are_those_of_a_plain_decode(
    dtype: str, order: list[int], *, exp: bool, logits: bool, labels: tuple[str, ...]
) -> None:
    rng = np.random.default_rng(seeded_random("mediapipe").getrandbits(32))
    scores = rng.normal(0.0, 2.0, (ROWS, CLASSES))
    codes = rng.normal(0.0 if exp else 4.0, 3.0, (ROWS, 4))
    tables = [(codes, -14.0, 14.0), (scores, -8.0, 8.0)]
    if not logits:
        tables[1] = (1 / (1 + np.exp(-scores)), 0.0, 1.0)
    parts = [quantise(table[None], dtype, low, high) for table, low, high in tables]
    options = decoding(has_exponential_sizes=exp, has_logits=logits)
    plain = make_signature((1, ROWS, 4), (1, ROWS, CLASSES), options=options, labels=labels)
    tensors = [
        replace(tensor, dtype=dtype, scale=scale, zero_point=zero)
        for tensor, (_, scale, zero) in zip(plain.outputs, parts, strict=True)
    ]
    family = matched(replace(plain, outputs=tuple(tensors[i] for i in order)))
    got = family.decode([parts[i][0] for i in order], Fit(), min_score=0.4)

    exact = [real(part[0][0], tensor) for part, tensor in zip(parts, tensors, strict=True)]
    classes = range(1 if labels else 0, CLASSES)
    found = []
    for code, row, anchor in zip(*exact, RNG_ANCHORS.tolist(), strict=True):
        best = max(classes, key=row.tolist().__getitem__)
        box = coded_box(code.tolist(), anchor, list(SCALES), exp=exp)
        found.append(Found(box, sigmoid(row[best]) if logits else row[best], best))
    assert_same(got, select(found, 0.4, 0.3))


def test_the_input_is_stretched_and_scaled_to_minus_one_to_one() -> None:
    family = matched(make_signature((1, ROWS, 4), (1, ROWS, CLASSES), options=decoding()))
    assert family.input.fitting is Fitting.STRETCH
    assert (family.input.mean, family.input.std) == ((127.5,), (127.5,))


@pytest.mark.parametrize(
    ("names", "order"),
    [(("location", "score"), (0, 1)), (("score", "location"), (1, 0)), ((), (0, 1))],
)
def test_with_four_classes_the_metadata_tells_boxes_from_scores(
    names: tuple[str, ...], order: tuple[int, int]
) -> None:
    options = decoding(class_count=4, output_names=names)
    family = matched(make_signature((1, ROWS, 4), (1, ROWS, 4), options=options))
    assert family.output_order == order


@pytest.mark.parametrize(
    ("changes", "clause"),
    [
        ({"value_count": 16}, "its boxes have 16 values instead of 4"),
        ({"class_count": 9}, "as its DETECTOR_METADATA says"),
        ({"packed_anchors": RNG_ANCHORS[:7].tobytes()}, "as its DETECTOR_METADATA says"),
        ({"scales": (1.0, 1.0, 0.0, 1.0)}, "a scale of 0"),
        ({"scales": (1.0, np.nan, 1.0, 1.0)}, "NaN or infinity"),
        ({"packed_anchors": (RNG_ANCHORS * np.inf).tobytes()}, "NaN or infinity"),
    ],
)
def test_metadata_that_does_not_fit_is_refused_with_the_reason(
    changes: dict[str, Any], clause: str
) -> None:
    signature = make_signature((1, ROWS, 4), (1, ROWS, CLASSES), options=decoding(**changes))
    assert clause in str(MediaPipeFamily.match(signature))


def test_a_model_without_the_metadata_is_refused() -> None:
    clause = MediaPipeFamily.match(make_signature((1, ROWS, 4), (1, ROWS, CLASSES)))
    assert clause == "its metadata has no DETECTOR_METADATA"


@pytest.mark.parametrize("spoilt", [0, 1])
@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_outputs_that_are_no_numbers_are_refused(spoilt: int, value: float) -> None:
    family = matched(make_signature((1, ROWS, 4), (1, ROWS, CLASSES), options=decoding()))
    outputs = [np.zeros((1, ROWS, 4), np.float32), np.full((1, ROWS, CLASSES), 0.9, np.float32)]
    outputs[spoilt][:] = value
    with pytest.raises(ModelError):
        family.decode(outputs, Fit(), min_score=0.4)
