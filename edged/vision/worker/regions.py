"""Regions: parts of a frame on which the model runs in addition, because objects in them are too small in the whole frame. Pure.

A model sees the whole frame shrunk to its input, as 1920 pixels to 300: a person of 40 pixels is 6 pixels there, and is not found. In a
part as large as the model's input the same person has all its pixels.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from edged.scene.geometry import area, intersection, iou
from edged.types import Box, Detections

_MARGIN = 0.5
"""Around an area, in its own size on each side: the object's parts that did not move, and where it will be."""
_MAX_SHARE = 0.5
"""Share of the frame's width or height from which a region gains too little over the whole frame to be worth an invoke."""
_CUT_TOLERANCE = 0.01
"""In fractions of the region: a box that ends this near to an inner edge is cut off by it."""
_SAME_IOU = 0.5
_SAME_CONTAINMENT = 0.8
"""Overlap, or share of the smaller box, from which two boxes of one class are the same object in two invokes."""


@dataclass(frozen=True, slots=True)
class Region:
    """A part of a frame, in fractions of the frame; x2 > x1, y2 > y1."""

    x1: float
    y1: float
    x2: float
    y2: float

    @property
    def centre(self) -> tuple[float, float]:
        """The middle, x and y."""
        return (self.x1 + self.x2) / 2.0, (self.y1 + self.y2) / 2.0


WHOLE_FRAME = Region(0.0, 0.0, 1.0, 1.0)


@dataclass(frozen=True, slots=True, kw_only=True)
class RegionSize:
    """The smallest region: as many pixels as the model's input has, so that nothing is enlarged.

    Attributes:
        width: a fraction of the frame's width.
        height: a fraction of the frame's height.
    """

    width: float
    height: float

    @classmethod
    def for_input(
        cls, *, frame_width: int, frame_height: int, input_width: int, input_height: int
    ) -> "RegionSize":
        """Return the smallest region for a model's input; all sizes in pixels."""
        return cls(
            width=min(1.0, input_width / frame_width), height=min(1.0, input_height / frame_height)
        )


def choose_regions(
    areas: Sequence[Region], size: RegionSize, *, max_count: int, turn: int = 0
) -> list[Region]:
    """Choose the regions of a frame.

    Areas that fit into one region share it. If more are left than `max_count`, they take turns.

    Args:
        areas: where something moves, or where an object is that the whole frame may not show.
        size: the smallest region.
        max_count: largest number of regions.
        turn: number of the frame, for the turns.
    """
    regions: list[Region] = []
    for wanted in sorted(areas, key=lambda one: (one.x1, one.y1)):
        merged = next((i for i, one in enumerate(regions) if _fits(_join(one, wanted), size)), None)
        if merged is None:
            regions.append(wanted)
        else:
            regions[merged] = _join(regions[merged], wanted)
    fitted = [_fit(region, size) for region in regions]
    worth = [one for one in fitted if _is_worthwhile(one)]
    if len(worth) <= max_count:
        return worth
    first = (turn * max_count) % len(worth)
    return [worth[(first + i) % len(worth)] for i in range(max_count)]


def make_tiles(columns: int, rows: int, overlap: float) -> tuple[Region, ...]:
    """Return a grid of regions that covers the frame.

    Args:
        columns: number of columns.
        rows: number of rows.
        overlap: overlap of neighbours, a fraction of a tile, at least as large as the objects that must not be cut.
    """
    xs, ys = _split(columns, overlap), _split(rows, overlap)
    return tuple(Region(x1, y1, x2, y2) for y1, y2 in ys for x1, x2 in xs)


def move_to_frame(detections: Detections, region: Region) -> Detections:
    """Return detections of a region, in fractions of the frame, without those that its inner edges cut off.

    Args:
        detections: boxes normalised to the region.
        region: the region.
    """
    boxes = detections.boxes
    is_cut = (
        ((boxes[:, 0] < _CUT_TOLERANCE) & (region.x1 > 0.0))
        | ((boxes[:, 1] < _CUT_TOLERANCE) & (region.y1 > 0.0))
        | ((boxes[:, 2] > 1.0 - _CUT_TOLERANCE) & (region.x2 < 1.0))
        | ((boxes[:, 3] > 1.0 - _CUT_TOLERANCE) & (region.y2 < 1.0))
    )
    kept = detections[~is_cut]
    scale = np.array((region.x2 - region.x1, region.y2 - region.y1) * 2, np.float32)
    origin = np.array((region.x1, region.y1) * 2, np.float32)
    moved = np.clip(kept.boxes * scale + origin, 0.0, 1.0).astype(np.float32)
    return Detections(moved, kept.scores, kept.class_ids)


def merge_detections(parts: Sequence[Detections]) -> Detections:
    """Return the detections of several invokes on one frame as one list, best score first, each object once.

    Args:
        parts: of each invoke, in fractions of the frame; the whole frame's first: between two boxes of the same object its box stays,
            with the better score, because a region can show a part of an object as if it were whole.
    """
    if len(parts) == 1:
        return parts[0]
    boxes = np.concatenate([part.boxes for part in parts])
    scores = np.concatenate([part.scores for part in parts])
    class_ids = np.concatenate([part.class_ids for part in parts])
    corners, ids = boxes.tolist(), class_ids.tolist()
    kept: list[int] = []
    for index, class_id in enumerate(ids):
        for other in kept:
            if ids[other] == class_id and _is_same(corners[other], corners[index]):
                scores[other] = max(scores[other], scores[index])
                break
        else:
            kept.append(index)
    order = sorted(kept, key=lambda index: -scores[index])
    return Detections(boxes[order], scores[order], class_ids[order])


def _is_same(one: Box, other: Box) -> bool:
    smaller = min(area(one), area(other))
    return (
        iou(one, other) >= _SAME_IOU or intersection(one, other) >= _SAME_CONTAINMENT * smaller > 0
    )


def _join(one: Region, other: Region) -> Region:
    return Region(
        min(one.x1, other.x1), min(one.y1, other.y1), max(one.x2, other.x2), max(one.y2, other.y2)
    )


def _fits(area: Region, size: RegionSize) -> bool:
    grown = 1.0 + 2.0 * _MARGIN
    return (area.x2 - area.x1) * grown <= size.width and (area.y2 - area.y1) * grown <= size.height


def _fit(area: Region, size: RegionSize) -> Region:
    """Return the region of an area: its margin around it, with the shape of the model's input, within the frame."""
    grown = 1.0 + 2.0 * _MARGIN
    factor = max(
        (area.x2 - area.x1) * grown / size.width, (area.y2 - area.y1) * grown / size.height, 1.0
    )
    width, height = min(1.0, size.width * factor), min(1.0, size.height * factor)
    x, y = area.centre
    x1 = min(max(x - width / 2.0, 0.0), 1.0 - width)
    y1 = min(max(y - height / 2.0, 0.0), 1.0 - height)
    return Region(x1, y1, x1 + width, y1 + height)


def _is_worthwhile(region: Region) -> bool:
    return max(region.x2 - region.x1, region.y2 - region.y1) < _MAX_SHARE


def _split(count: int, overlap: float) -> list[tuple[float, float]]:
    size = 1.0 / (count - (count - 1) * overlap)
    starts = [min(index * size * (1.0 - overlap), 1.0 - size) for index in range(count)]
    return [(start, start + size) for start in starts]
