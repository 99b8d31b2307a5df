"""FOMO's grids, against a flooding of cells."""

import numpy as np
import pytest
from numpy.typing import NDArray

from edged.errors import ModelError
from edged.families.fomo import FomoFamily
from edged.types import FileMetadata, Fit, Fitting, ModelSignature, OpInfo, TensorInfo
from support.families import quantise
from support.reference_decode import assert_same, fomo_objects, real, select
from support.sampling import seeded_random

pytestmark = pytest.mark.runtime


def make_signature(
    shape: tuple[int, ...],
    side_px: tuple[int, int] = (96, 96),
    *,
    op: str | None = "SOFTMAX",
    labels: tuple[str, ...] = (),
    dtype: str = "float32",
    scale: float = 0.0,
    zero_point: int = 0,
) -> ModelSignature:
    output = TensorInfo(
        index=1, name="out", shape=shape, dtype=dtype, scale=scale, zero_point=zero_point
    )
    quantise_op = OpInfo(name="DEQUANTIZE", inputs=(5,), outputs=(1,))
    return ModelSignature(
        inputs=(TensorInfo(index=0, name="in", shape=(1, *side_px, 1), dtype="float32"),),
        outputs=(output,),
        ops=(OpInfo(name=op, inputs=(4,), outputs=(5,)), quantise_op) if op else (),
        metadata=FileMetadata(labels=labels),
    )


def matched(signature: ModelSignature) -> FomoFamily:
    family = FomoFamily.match(signature)
    assert isinstance(family, FomoFamily), family
    return family


def random_grid(rows: int, columns: int, depth: int) -> NDArray[np.float64]:
    rng = np.random.default_rng(seeded_random("fomo").getrandbits(32))
    logits = rng.normal(0.0, 2.0, (rows, columns, depth))
    logits[..., 0] += 3.0  # most cells are background
    powers = np.exp(logits)
    return np.asarray(powers / powers.sum(axis=2, keepdims=True))


@pytest.mark.parametrize("dtype", ["float32", "int8", "uint8"])
@pytest.mark.parametrize("shape", [(12, 12, 2), (20, 12, 4)])
def test_objects_are_those_of_a_flooding(dtype: str, shape: tuple[int, int, int]) -> None:
    array, scale, zero_point = quantise(random_grid(*shape)[None], dtype, 0.0, 1.0)
    signature = make_signature(
        (1, *shape),
        (8 * shape[0], 8 * shape[1]),
        dtype=dtype,
        scale=scale,
        zero_point=zero_point,
    )
    family = matched(signature)
    wanted = fomo_objects(real(array, family.output)[0], 0.5)
    assert_same(family.decode([array], Fit(), min_score=0.5), select(wanted, 0.5, None))


def test_cells_that_touch_at_a_corner_are_joined_and_other_classes_are_not() -> None:
    grid = np.zeros((1, 12, 12, 3), np.float32)
    for row, column in ((3, 5), (4, 4), (5, 5), (9, 9)):
        grid[0, row, column, 1] = 0.5 + row / 20
    grid[0, 4, 5, 2] = 0.9
    found = matched(make_signature(grid.shape)).decode([grid], Fit(), min_score=0.5)
    assert found.class_ids.tolist() == [0, 1, 0]
    assert found.boxes * 12 == pytest.approx(np.array([[9, 9, 10, 10], [5, 4, 6, 5], [4, 3, 6, 6]]))
    assert found.scores == pytest.approx([0.95, 0.9, 0.75])


def test_an_empty_grid_has_no_objects() -> None:
    grid = np.zeros((1, 12, 12, 3), np.float32)
    grid[..., 0] = 1.0
    assert len(matched(make_signature(grid.shape)).decode([grid], Fit(), min_score=0.5)) == 0


@pytest.mark.parametrize("side_px", [(96, 96), (48, 48), (192, 192), (100, 100), (90, 90)])
def test_the_cells_may_have_several_sizes(side_px: tuple[int, int]) -> None:
    matched(make_signature((1, 12, 12, 2), side_px))


@pytest.mark.parametrize(
    ("signature", "clause"),
    [
        (make_signature((1, 12, 12, 2), op="CONV_2D"), "without a softmax"),
        (make_signature((1, 96, 96, 2)), "is not a grid [1, 12, 12, 1 + classes]"),
        (make_signature((1, 12, 12, 1)), "is not a grid"),
        (make_signature((1, 1, 1, 10), (32, 32)), "is not a grid"),
        (
            make_signature((1, 12, 12, 3), labels=("a",)),
            "its output has 2 classes and its label list 1",
        ),
    ],
)
def test_other_outputs_are_declined_with_the_reason(signature: ModelSignature, clause: str) -> None:
    assert clause in str(FomoFamily.match(signature))


@pytest.mark.parametrize(("labels", "offset"), [(("a", "b"), 0), (("background", "a", "b"), 1)])
def test_labels_are_counted_with_or_without_the_background(
    labels: tuple[str, ...], offset: int
) -> None:
    assert matched(make_signature((1, 12, 12, 3), labels=labels)).class_offset == offset


def test_a_float_input_is_stretched_and_scaled_to_one() -> None:
    family = matched(make_signature((1, 12, 12, 2)))
    assert family.input.fitting is Fitting.STRETCH
    assert (family.input.mean, family.input.std) == ((0.0,), (255.0,))


def test_a_graph_that_runs_in_circles_is_no_reason_to_hang() -> None:
    signature = make_signature((1, 12, 12, 2), op=None)
    circle = (OpInfo(name="RESHAPE", inputs=(1,), outputs=(1,)),)
    declined = FomoFamily.match(
        ModelSignature(inputs=signature.inputs, outputs=signature.outputs, ops=circle)
    )
    assert "without a softmax" in str(declined)


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_scores_that_are_no_numbers_are_refused(value: float) -> None:
    grid = np.full((1, 12, 12, 2), value, np.float32)
    with pytest.raises(ModelError):
        matched(make_signature(grid.shape)).decode([grid], Fit(), min_score=0.5)
