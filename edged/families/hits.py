"""Which values of an output reach a threshold, found in the output's own type: nothing is dequantised.

Nearly all of the hundreds of thousands of scores of a frame are below the threshold. A large table is therefore folded first: blocks of
its rows are laid over each other, and of each position only the largest value is kept, in one pass over the memory and
without a temporary array of the table's size. Only the positions whose largest value reaches the threshold are unfolded. At 8,400 rows
of 80 classes this takes a tenth of the time of one comparison for each row.
"""

from collections.abc import Sequence
from math import ceil, isfinite
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edged.errors import ModelError
from edged.types import TensorInfo

_FOLDED_VALUES = 16_384
"""Number of values of a folded table: more cost time to compare, fewer have more values to unfold for each hit (measured)."""
_MAX_UNFOLDED_SHARE = 0.125
"""If a larger share of the positions of a folded table has hits, comparing all values is faster than unfolding them."""
_STEP_TOLERANCE = 1e-6
"""In quantisation steps: rounding errors must not raise a threshold of a whole number of steps by one step."""

_Indices = NDArray[np.intp]


def find_above_threshold(
    values: NDArray[Any], tensor: TensorInfo, threshold: float
) -> NDArray[np.intp]:
    """Find the scores that reach a threshold.

    Args:
        values: (N,) scores, dtype of the tensor, as uint8.
        tensor: the tensor's scale and zero point.
        threshold: smallest score, not quantised.

    Returns:
        (M,) intp: indices of the scores of at least `threshold`, ascending.

    Raises:
        ModelError: a score is not a number.
    """
    limit = _find_limit(values.dtype, tensor, threshold)
    if values.dtype.kind != "f":
        return np.flatnonzero(values >= limit)
    with np.errstate(invalid="ignore"):  # numpy 1 warns of NaN in some comparisons
        hits = np.flatnonzero(~(values < limit))  # what is not a number is among them
    _check_numbers(values[hits], tensor)
    return hits


def find_rows(
    table: NDArray[Any], tensor: TensorInfo, threshold: float, ignored: Sequence[int] = ()
) -> NDArray[np.intp]:
    """Find the rows in which a value reaches a threshold.

    Args:
        table: (N, C) scores, dtype of the tensor, as uint8; its memory may be in the order (C, N).
        tensor: the tensor's scale and zero point.
        threshold: smallest score, not quantised.
        ignored: columns that do not count.

    Returns:
        (M,) intp: their indices, ascending.

    Raises:
        ModelError: a score is not a number.
    """
    if table.strides[0] < table.strides[1] and not ignored:
        return find_above_threshold(np.maximum.reduce(table.T, axis=0), tensor, threshold)
    rows, _ = find_hits(table, tensor, threshold, ignored)
    is_first = np.empty(len(rows), np.bool_)
    is_first[:1] = True
    np.not_equal(rows[1:], rows[:-1], out=is_first[1:])
    return rows[is_first]


def find_hits(
    table: NDArray[Any], tensor: TensorInfo, threshold: float, ignored: Sequence[int] = ()
) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Find the places of a table whose value reaches a threshold: arguments and errors as in `find_rows`.

    Returns:
        Row (M,) intp, ascending, and column (M,) intp of each.
    """
    limit = _find_limit(table.dtype, tensor, threshold)
    count, columns = table.shape
    block = max(1, _FOLDED_VALUES // max(1, columns))
    if count < 2 * block:
        folded, block = table, count
    else:
        folded = _fold(table, block)
    if table.dtype.kind == "f" and np.isnan(folded.max(initial=0)):
        raise ModelError(f"the model's output {tensor.name!r} contains NaN scores")
    reaches = folded >= limit
    for column in ignored:
        reaches[:, column] = False
    places = np.flatnonzero(reaches)
    if block == count:
        return np.divmod(places, columns)
    if len(places) > _MAX_UNFOLDED_SHARE * reaches.size:
        return _compare_all(table, limit, ignored)
    return _unfold(table, limit, block, places)


def _fold(table: NDArray[Any], block: int) -> NDArray[Any]:
    """Return the largest values of a table's blocks of rows: (block, C), dtype of the table; a rest of less than a block included."""
    count, columns = table.shape
    whole = count - count % block
    blocks = table[:whole].reshape(whole // block, block, columns)
    if table.flags.c_contiguous:
        flat = blocks.reshape(whole // block, block * columns)
        folded = np.maximum.reduce(flat, axis=0).reshape(block, columns)
    else:
        folded = np.maximum.reduce(blocks, axis=0)
    if rest := count - whole:
        np.maximum(folded[:rest], table[whole:], out=folded[:rest])
    return np.asarray(folded)


def _unfold(
    table: NDArray[Any], limit: Any, block: int, places: _Indices
) -> tuple[_Indices, _Indices]:
    """Return row and column of every hit that lies, folded, at one of these places; arguments as in `find_hits`."""
    count, columns = table.shape
    layers = np.arange(0, table.size, block * columns)
    numbers = (places + layers[:, None]).ravel()
    if count % block:
        numbers = numbers[numbers < table.size]
    if table.flags.c_contiguous:
        values = table.reshape(-1)[numbers]
    else:
        values = table[np.divmod(numbers, columns)]
    hits = numbers[values >= limit]
    hits.sort()
    return np.divmod(hits, columns)


def _compare_all(
    table: NDArray[Any], limit: Any, ignored: Sequence[int]
) -> tuple[_Indices, _Indices]:
    reaches = table >= limit
    reaches[:, list(ignored)] = False
    rows, columns = np.nonzero(reaches)
    return rows, columns


def _find_limit(dtype: np.dtype[Any], tensor: TensorInfo, threshold: float) -> Any:
    """Return the smallest stored value that reaches a threshold; a number of the type itself where it has it."""
    limit: float = threshold
    if tensor.scale:
        steps = threshold / tensor.scale
        limit = ceil(steps - _STEP_TOLERANCE) + tensor.zero_point if isfinite(steps) else steps
    if dtype.kind == "f":
        return limit
    limits = np.iinfo(dtype)
    if limit > limits.max:
        return limit  # no value reaches it
    return dtype.type(limits.min if limit <= limits.min else ceil(limit))


def _check_numbers(values: NDArray[Any], tensor: TensorInfo) -> None:
    if np.isnan(values).any():
        raise ModelError(f"the model's output {tensor.name!r} contains NaN scores")
