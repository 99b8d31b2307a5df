"""The layout of a split YOLO head: which columns of which outputs are the boxes and the classes of which cells."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from edged.model.layouts import yolo_grids
from edged.types import F32, TensorInfo

BINS = 16
"""Number of distances in the distribution of one side of a box."""
_BOX_DEPTH = 4 * BINS
Grid = tuple[int, int, int]
"""Rows, columns, and stride in pixels of the cells of one level."""
_BOX_NAMES = ("box", "reg", "dfl")


@dataclass(frozen=True)
class Columns:
    """Some columns of one output, one row per cell.

    Attributes:
        position: position of the output among the outputs.
        tensor: the output.
        first: its first column.
        depth: number of columns.
        channels_first: True for [1, columns, cells], False for [1, cells, columns].
    """

    position: int
    tensor: TensorInfo
    first: int
    depth: int
    channels_first: bool

    def read(self, outputs: Sequence[NDArray[np.generic]]) -> NDArray[np.generic]:
        """Return these columns as a view.

        Args:
            outputs: the model's outputs, (1, N, C) or one of the other layouts, any dtype.

        Returns:
            (N, depth), dtype of the output, as int8.
        """
        array = outputs[self.position]
        if self.channels_first:
            table = array.reshape(array.shape[1], -1).T
        else:
            table = array.reshape(-1, array.shape[-1])
        return table[:, self.first : self.first + self.depth]


@dataclass(frozen=True, kw_only=True, eq=False)
class Level:
    """The cells that share their outputs: those of one stride, or of all.

    Attributes:
        boxes: the distributions of the boxes' sides.
        scores: the class scores.
        best_scores: the best score of each cell, which some exports add for other programs; None if there is none.
        cells: (N, 3) float32, column, row and stride in pixels of each cell.
    """

    boxes: Columns
    scores: Columns
    best_scores: Columns | None = None
    cells: F32


def find_levels(outputs: Sequence[TensorInfo], width: int, height: int) -> tuple[Level, ...] | str:
    """Find boxes and classes among the outputs, in any order.

    Args:
        outputs: the model's outputs.
        width: width of the input, pixels.
        height: height of the input, pixels.

    Returns:
        The levels, from the finest to the coarsest, or a clause that says why the outputs are not a split YOLO head.
    """
    for _, strides in yolo_grids(width, height):
        grids = [(height // stride, width // stride, stride) for stride in strides]
        for channels_first in (False, True):
            if levels := _try_layout(outputs, grids, channels_first=channels_first):
                return levels
    if [tensor.shape[-1:] for tensor in outputs] == [(_BOX_DEPTH,)] * 2:
        return f"its outputs have {_BOX_DEPTH} columns each, and no name tells boxes from classes"
    count = sum((height // stride) * (width // stride) for stride in (8, 16, 32))
    return (
        f"its outputs {[list(tensor.shape) for tensor in outputs]} are not [1, {count}, 64] and [1, {count}, classes], "
        f"one row for each cell of its {width}x{height} input"
    )


def _try_layout(
    outputs: Sequence[TensorInfo], grids: Sequence[Grid], *, channels_first: bool
) -> tuple[Level, ...] | None:
    """Return the levels if every output belongs to one stride, or to all, and every level has boxes and as many classes."""
    tables = [_as_table(tensor.shape, grids, channels_first=channels_first) for tensor in outputs]
    for parts in ([[grid] for grid in grids], [list(grids)]):
        counts = [sum(rows * columns for rows, columns, _ in part) for part in parts]
        if min(counts) == 0 or any(table is None or table[0] not in counts for table in tables):
            continue
        levels: list[Level] = []
        for part, count in zip(parts, counts, strict=True):
            columns = [
                Columns(i, outputs[i], 0, table[1], channels_first)
                for i, table in enumerate(tables)
                if table is not None and table[0] == count
            ]
            levels.extend(_assign(columns, part))
        if len(levels) == len(parts) and len({level.scores.depth for level in levels}) == 1:
            return tuple(levels)
    return None


def _as_table(
    shape: tuple[int, ...], grids: Sequence[Grid], *, channels_first: bool
) -> tuple[int, int] | None:
    """Return the numbers of cells and columns of an output; None if it has neither of the layouts."""
    match shape:
        case (1, depth, cells) if channels_first:
            return cells, depth
        case (1, cells, depth):
            return cells, depth
        case (1, depth, *sides) if channels_first and sides in [list(grid[:2]) for grid in grids]:
            return sides[0] * sides[1], depth
        case (1, *sides, depth) if not channels_first and sides in [list(g[:2]) for g in grids]:
            return sides[0] * sides[1], depth
    return None


def _make_cells(grids: Sequence[Grid]) -> F32:
    parts = []
    for rows, columns, stride_px in grids:
        y, x = np.mgrid[:rows, :columns]
        parts.append(np.stack([x.ravel(), y.ravel(), np.full(x.size, stride_px)], axis=1))
    return np.concatenate(parts).astype(np.float32)


def _assign(columns: Sequence[Columns], grids: Sequence[Grid]) -> Iterator[Level]:
    """Yield the level of these columns; nothing if they are not those of boxes and classes."""
    single = [part for part in columns if part.depth == 1]
    best_scores = single[0] if len(columns) == 3 and len(single) == 1 else None  # noqa: PLR2004 - with boxes and classes
    if best_scores is not None:
        columns = [part for part in columns if part.depth > 1]
    match columns:
        case [joined] if joined.depth > _BOX_DEPTH:
            depth = joined.depth - _BOX_DEPTH
            yield Level(
                boxes=replace(joined, depth=_BOX_DEPTH),
                scores=replace(joined, first=_BOX_DEPTH, depth=depth),
                cells=_make_cells(grids),
            )
        case [first, second] if _are_boxes(first, second) and second.depth > 0:
            yield Level(
                boxes=first, scores=second, best_scores=best_scores, cells=_make_cells(grids)
            )
        case [first, second] if _are_boxes(second, first) and first.depth > 0:
            yield Level(
                boxes=second, scores=first, best_scores=best_scores, cells=_make_cells(grids)
            )


def _are_boxes(columns: Columns, others: Columns) -> bool:
    """Return whether these columns, not the others, are the boxes; names decide if there are 64 classes."""
    if columns.depth == others.depth == _BOX_DEPTH:
        return _has_box_name(columns) and not _has_box_name(others)
    return columns.depth == _BOX_DEPTH


def _has_box_name(columns: Columns) -> bool:
    return any(part in columns.tensor.name.lower() for part in _BOX_NAMES)
