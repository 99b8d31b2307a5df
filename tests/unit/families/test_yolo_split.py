"""Split YOLO heads: every layout, against a plain decode."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from edged.errors import ModelError
from edged.families.yolo_split import YoloSplitFamily
from edged.model.refusal.kinds import explain_kind
from edged.types import FileMetadata, Fit, Fitting, ModelSignature, TensorInfo
from support.families import quantise
from support.reference_decode import assert_same, real, select, split_yolo
from support.sampling import seeded_random

pytestmark = pytest.mark.runtime

WIDTH, HEIGHT = 96, 64
COUNTS = [(HEIGHT // s) * (WIDTH // s) for s in (8, 16, 32)]
ROWS = sum(COUNTS)
CLASSES = 5
Table = NDArray[Any]
Layout = Callable[[Table, Table], list[tuple[str, Table]]]


def per_stride(table: Table) -> list[Table]:
    return np.split(table, np.cumsum(COUNTS)[:-1])


def grids(table: Table) -> list[Table]:
    return [
        part.reshape(HEIGHT // stride, WIDTH // stride, -1)
        for part, stride in zip(per_stride(table), (8, 16, 32), strict=True)
    ]


LAYOUTS: dict[str, Layout] = {
    "boxes and classes": lambda sides, logits: [("a", sides), ("b", logits)],
    "classes and boxes": lambda sides, logits: [("a", logits), ("b", sides)],
    "with the best score of each cell": lambda sides, logits: [
        ("a", logits.max(axis=1, keepdims=True)),
        ("b", sides),
        ("c", logits),
    ],
    "for each stride": lambda sides, logits: [
        ("x", part) for part in [*per_stride(logits), *per_stride(sides)[::-1]]
    ],
    "grids for each stride": lambda sides, logits: [
        ("x", part) for part in [*grids(sides), *grids(logits)]
    ],
    "joined for each stride": lambda sides, logits: [
        ("x", part) for part in per_stride(np.concatenate([sides, logits], axis=1))
    ],
    "joined grids": lambda sides, logits: [
        ("x", part) for part in grids(np.concatenate([sides, logits], axis=1))
    ],
    "joined grids, channels first": lambda sides, logits: [
        ("x", part.transpose(2, 0, 1)) for part in grids(np.concatenate([sides, logits], axis=1))
    ],
    "channels first": lambda sides, logits: [("a", sides.T), ("b", logits.T)],
}


def make_tables() -> tuple[Table, Table]:
    rng = np.random.default_rng(seeded_random().getrandbits(32))
    logits = rng.normal(-3.0, 2.0, (ROWS, CLASSES))
    return rng.normal(0.0, 3.0, (ROWS, 64)), logits


def make_model(
    parts: Sequence[tuple[str, Table]], dtype: str, labels: int = 0
) -> tuple[ModelSignature, list[Table]]:
    infos, arrays = [], []
    for index, (name, part) in enumerate(parts):
        array, scale, zero_point = quantise(part[None], dtype, -14.0, 14.0)
        infos.append(
            TensorInfo(
                index=index,
                name=name,
                shape=array.shape,
                dtype=dtype,
                scale=scale,
                zero_point=zero_point,
            )
        )
        arrays.append(array)
    picture = TensorInfo(index=99, name="in", shape=(1, HEIGHT, WIDTH, 3), dtype="float32")
    metadata = FileMetadata(labels=tuple(f"label {i}" for i in range(labels)))
    return ModelSignature(inputs=(picture,), outputs=tuple(infos), metadata=metadata), arrays


def matched(signature: ModelSignature) -> YoloSplitFamily:
    family = YoloSplitFamily.match(signature)
    assert isinstance(family, YoloSplitFamily), family
    return family


@pytest.mark.parametrize("dtype", ["float32", "int8", "uint8", "int16"])
@pytest.mark.parametrize("layout", LAYOUTS)
def test_every_layout_gives_the_boxes_of_a_plain_decode(layout: str, dtype: str) -> None:
    sides, logits = make_tables()
    labels = CLASSES if "joined" in layout else 0
    signature, arrays = make_model(LAYOUTS[layout](sides, logits), dtype, labels)
    stored = [quantise(table, dtype, -14.0, 14.0) for table in (sides, logits)]
    exact = [
        real(
            array, TensorInfo(index=0, name="", shape=(), dtype=dtype, scale=scale, zero_point=zero)
        )
        for array, scale, zero in stored
    ]
    wanted = select(split_yolo(exact[0], exact[1], WIDTH, HEIGHT), 0.3, 0.45)
    got = matched(signature).decode(arrays, Fit(), min_score=0.3)
    assert_same(got, wanted)


def test_all_columns_in_one_output_need_labels() -> None:
    sides, logits = make_tables()
    joined = [("x", np.concatenate([sides, logits], axis=1))]
    assert "without labels" in str(YoloSplitFamily.match(make_model(joined, "float32")[0]))
    signature, arrays = make_model(joined, "float32", labels=CLASSES)
    wanted = select(split_yolo(sides, logits, WIDTH, HEIGHT), 0.3, 0.45)
    assert_same(matched(signature).decode(arrays, Fit(), min_score=0.3), wanted)


@pytest.mark.parametrize("layout", ["joined grids", "joined grids, channels first"])
def test_the_grids_of_a_yolo_with_anchors_are_not_taken_for_joined_boxes_and_classes(
    layout: str,
) -> None:
    """YOLOv3, v5 and v7 without their decoding: 3 * (5 + 18) columns, as many as 64 + 5."""
    signature, _ = make_model(LAYOUTS[layout](*make_tables()), "int8")
    assert "anchors (YOLOv3 to v7)" in str(YoloSplitFamily.match(signature))
    kind = explain_kind(signature)
    assert kind is not None
    assert kind.name == "YOLO without decoding (YOLOv3 to v7)"
    signature, _ = make_model(LAYOUTS[layout](*make_tables()), "int8", labels=CLASSES + 13)
    assert "label list 18" in str(YoloSplitFamily.match(signature))


def test_scores_after_their_sigmoid_are_left_alone() -> None:
    sides, logits = make_tables()
    signature, arrays = make_model([("a", sides), ("b", 1 / (1 + np.exp(-logits)))], "float32")
    wanted = select(split_yolo(sides, logits, WIDTH, HEIGHT), 0.3, 0.45)
    assert_same(matched(signature).decode(arrays, Fit(), min_score=0.3), wanted)


def test_a_third_output_that_is_no_best_score_is_refused() -> None:
    """Such as the angle of oriented boxes, whose layout is the same."""
    sides, logits = make_tables()
    angles = np.linspace(-0.7, 2.3, ROWS)[:, None]
    signature, arrays = make_model([("a", sides), ("b", logits), ("angle", angles)], "float32")
    with pytest.raises(ModelError, match="'angle' is not the best score of each cell"):
        matched(signature).decode(arrays, Fit(), min_score=0.0)


def test_with_64_classes_the_names_tell_boxes_from_classes() -> None:
    table = np.zeros((ROWS, 64))
    unnamed = make_model([("x", table), ("y", table)], "float32")[0]
    assert "no name tells boxes from classes" in str(YoloSplitFamily.match(unnamed))
    family = matched(make_model([("cls", table), ("bboxes", table)], "float32")[0])
    assert [family.levels[0].boxes.position, family.levels[0].scores.position] == [1, 0]


def test_the_input_of_the_coral_model_is_letterboxed_and_fed_unchanged() -> None:
    shapes = [(1, 2100, 80), (1, 2100, 64)]
    tensors = [
        TensorInfo(index=i, name="x", shape=shape, dtype="int8", scale=0.1)
        for i, shape in enumerate(shapes)
    ]
    picture = TensorInfo(
        index=9, name="in", shape=(1, 320, 320, 3), dtype="int8", scale=1 / 255, zero_point=-128
    )
    family = matched(ModelSignature(inputs=(picture,), outputs=tuple(tensors)))
    assert family.input.fitting is Fitting.LETTERBOX
    assert (*family.input.mean, *family.input.std) == pytest.approx((0.0, 255.0))
    labels = FileMetadata(labels=("person",) * 17)
    clause = YoloSplitFamily.match(
        ModelSignature(inputs=(picture,), outputs=tuple(tensors), metadata=labels)
    )
    assert str(clause).startswith("its output has 80 classes and its label list 17")


@pytest.mark.parametrize("spoilt", [0, 1])
@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_outputs_that_are_no_numbers_are_refused(spoilt: int, value: float) -> None:
    signature, arrays = make_model([("a", make_tables()[0]), ("b", make_tables()[1])], "float32")
    arrays[spoilt][:] = value
    arrays[1][0, :, 0] = 3.0 if spoilt == 0 else value
    with pytest.raises(ModelError):
        matched(signature).decode(arrays, Fit(), min_score=0.3)
