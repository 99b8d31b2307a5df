"""The search for the values of a table that reach a threshold, and the suppression of a few boxes, against plain loops and numpy."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from edged.errors import ModelError
from edged.families.class_scores import find_best_rows
from edged.families.hits import find_hits, find_rows
from edged.families.nms import suppress_few, suppress_many
from edged.families.outputs import dequantise
from edged.types import TensorInfo

pytestmark = pytest.mark.runtime

LAYOUTS = ("rows", "columns", "slice")
SHAPES = [(8400, 80), (8399, 80), (1917, 91), (2000, 1), (333, 7), (1, 5), (409, 81), (16385, 1)]
DTYPES = ("uint8", "int8", "int16", "float32")


def make_table(
    shape: tuple[int, int], dtype: str, layout: str, share: float, seed: int
) -> tuple[NDArray[np.generic], TensorInfo]:
    """Return scores of which about this share is above 0.5, and their tensor."""
    rng = np.random.default_rng(seed)
    scores = rng.uniform(0.0, 0.45, shape)
    high = rng.random(shape) < share
    scores[high] = rng.uniform(0.5, 1.0, int(high.sum()))
    scale, zero_point = 0.0, 0
    if dtype != "float32":
        limits = np.iinfo(dtype)
        scale, zero_point = 1 / 255, 0 if dtype == "int16" else int(limits.min)
        scores = np.clip(np.rint(scores / scale) + zero_point, limits.min, limits.max)
    stored = scores.astype(dtype)
    if layout == "columns":
        stored = np.ascontiguousarray(stored.T).T
    elif layout == "slice":
        wide = np.full((shape[0], shape[1] + 64), np.iinfo(np.int8).max).astype(dtype)
        wide[:, 64:] = stored
        stored = wide[:, 64:]
    tensor = TensorInfo(
        index=1, name="scores", shape=(1, *shape), dtype=dtype, scale=scale, zero_point=zero_point
    )
    return stored, tensor


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("dtype", DTYPES)
@given(
    shape=st.sampled_from(SHAPES),
    share_and_seed=st.tuples(st.sampled_from([0.0, 1e-5, 1e-3, 0.3, 1.0]), st.integers(0, 99)),
    ignored=st.sampled_from([(), (0,)]),
)
@settings(max_examples=15, deadline=None)
def test_finds_what_a_comparison_of_all_values_finds(
    layout: str,
    dtype: str,
    shape: tuple[int, int],
    share_and_seed: tuple[float, int],
    ignored: tuple[int, ...],
) -> None:
    table, tensor = make_table(shape, dtype, layout, *share_and_seed)
    reaches = dequantise(table, tensor) >= np.float32(0.5 - 1e-6)
    reaches[:, list(ignored)] = False
    rows, columns = np.nonzero(reaches)
    found = find_hits(table, tensor, 0.5, ignored)
    assert [part.tolist() for part in found] == [rows.tolist(), columns.tolist()]
    assert find_rows(table, tensor, 0.5, ignored).tolist() == np.unique(rows).tolist()


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("dtype", DTYPES)
def test_best_rows_are_those_of_the_whole_table(dtype: str, layout: str) -> None:
    table, tensor = make_table((8400, 80), dtype, layout, 1e-4, seed=3)
    scores = dequantise(table, tensor)
    wanted = np.flatnonzero(scores.max(axis=1) >= 0.5)
    rows, best, class_ids = find_best_rows(table, tensor, 0.5, logits=False)
    assert len(wanted) > 10
    assert rows.tolist() == wanted.tolist()
    assert best.tolist() == scores[wanted].max(axis=1).tolist()
    assert class_ids.tolist() == scores[wanted].argmax(axis=1).tolist()


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("shape", SHAPES)
def test_a_value_that_is_not_a_number_is_an_error(shape: tuple[int, int], layout: str) -> None:
    table, tensor = make_table(shape, "float32", layout, 0.0, seed=1)
    table[shape[0] - 1, shape[1] // 2] = np.nan
    with pytest.raises(ModelError, match="NaN"):
        find_rows(table, tensor, 0.5)
    with pytest.raises(ModelError, match="NaN"):
        find_hits(table, tensor, 0.5)


@pytest.mark.parametrize("threshold", [-1e30, -5.0, 0.0, 1.0, 7.0, 1e30])
@pytest.mark.parametrize("scale", [1e-300, 1 / 255, 0.0, 1e9])
@pytest.mark.parametrize("dtype", ["uint8", "int8", "int16"])
def test_a_threshold_that_the_type_cannot_hold_finds_all_or_nothing(
    dtype: str, scale: float, threshold: float
) -> None:
    limits = np.iinfo(dtype)
    table = np.array([[limits.min, 1, limits.max]], dtype)
    tensor = TensorInfo(index=1, name="s", shape=(1, 3), dtype=dtype, scale=scale, zero_point=1)
    real = (table[0].astype(float) - 1) * scale if scale else table[0].astype(float)
    tolerance = 1e-6 * scale
    _, columns = find_hits(table, tensor, threshold)
    assert columns.tolist() == np.flatnonzero(real >= threshold - tolerance).tolist()


@given(seed=st.integers(0, 10_000), count=st.integers(0, 60))
@settings(max_examples=100, deadline=None)
def test_few_and_many_boxes_are_suppressed_alike(seed: int, count: int) -> None:
    rng = np.random.default_rng(seed)
    corner = rng.uniform(0.0, 0.5, (count, 2))
    boxes = np.concatenate([corner, corner + rng.uniform(0.0, 0.5, (count, 2))], axis=1)
    class_ids = rng.integers(0, 2, count).astype(np.int32)
    few, many = (
        one(boxes.astype(np.float32), class_ids, 0.45) for one in (suppress_few, suppress_many)
    )
    assert few.tolist() == many.tolist()
