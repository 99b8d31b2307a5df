"""The rows of a YOLO label file.

A row is ``class x y width height`` (x and y of the centre, all normalised to the picture), the same with key points behind, or
``class x1 y1 x2 y2 x3 y3 ...``, the corners of an outline, which is reduced to its bounding box. Key points are not used. By its length
alone a row of key points can be an outline, too.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from math import isfinite

from edged_models.errors import PicturesError
from edged_models.pictures.written_boxes import MAX_OVERHANG, WrittenBox

_BOX_NUMBERS = 4
_MIN_OUTLINE_NUMBERS = 6
_QUADRANGLE_NUMBERS = 8
_VISIBLE = (0.0, 1.0, 2.0)
"""The third number of a key point: not labelled, hidden, visible."""
_MIN_ALIKE = 5
"""From so many rows on, outlines that all have the same number of corners are suspicious."""
_Corners = tuple[float, float, float, float]


@dataclass(frozen=True, slots=True)
class YoloRow:
    """A row.

    Attributes:
        box: the box.
        outline: the numbers from which the box was taken, if they were read as an outline.
    """

    box: WrittenBox
    outline: tuple[float, ...] = ()


def parse_row(line: str, place: str, *, key_point_numbers: int) -> YoloRow:
    """Parse a row.

    Args:
        line: the text.
        place: file and line, for messages.
        key_point_numbers: how many numbers the key points of an object have; 0 if the set has none.

    Raises:
        PicturesError: it is neither a box nor an outline.
    """
    words = line.split()
    shown = repr(line.strip()[:60])
    try:
        class_id, numbers = int(words[0]), [float(word) for word in words[1:]]
    except ValueError:
        raise PicturesError(f"{place}: {shown} is not a class id and numbers") from None
    has_points = key_point_numbers > 0 and len(numbers) == _BOX_NUMBERS + key_point_numbers
    is_box = len(numbers) == _BOX_NUMBERS or has_points
    is_outline = not is_box and len(numbers) >= _MIN_OUTLINE_NUMBERS and not len(numbers) % 2
    if not is_box and _has_visible_points(numbers):
        raise PicturesError(
            f"{place}: {shown} is a box with key points: state their number as `kpt_shape` in data.yaml; they are not used"
        )
    if not is_box and not is_outline:
        raise PicturesError(f"{place}: {len(words)} numbers are neither a box nor an outline")
    used = numbers[:_BOX_NUMBERS] if is_box else numbers
    if class_id < 0 or not all(_is_normalised(number) for number in used):
        raise PicturesError(f"{place}: {shown} is not normalised to the picture (0 to 1)")
    if is_box:
        return YoloRow(WrittenBox(class_id, _to_corners(used), place))
    return YoloRow(WrittenBox(class_id, _enclose(numbers), place), tuple(numbers))


def may_be_key_points(rows: Sequence[YoloRow]) -> bool:
    """Return whether the outlines of a set are more likely boxes with key points, two numbers each.

    They all have the same length, other than a quadrangle's, and read as a box and points each has all its points in the box.
    """
    outlines = [row.outline for row in rows if row.outline]
    lengths = {len(outline) for outline in outlines}
    if len(outlines) < _MIN_ALIKE or len(lengths) > 1 or lengths == {_QUADRANGLE_NUMBERS}:
        return False
    return all(_holds(outline[:4], outline[4::2], outline[5::2]) for outline in outlines)


def _has_visible_points(numbers: Sequence[float]) -> bool:
    points = numbers[_BOX_NUMBERS:]
    if not points or len(points) % 3 or not all(flag in _VISIBLE for flag in points[2::3]):
        return False
    seen = [
        (x, y) for x, y, flag in zip(points[::3], points[1::3], points[2::3], strict=True) if flag
    ]
    return bool(seen) and _holds(numbers[:4], [x for x, _ in seen], [y for _, y in seen])


def _holds(box: Sequence[float], xs: Sequence[float], ys: Sequence[float]) -> bool:
    x1, y1, x2, y2 = _to_corners(box)
    return (
        min(xs) >= x1 - MAX_OVERHANG
        and max(xs) <= x2 + MAX_OVERHANG
        and min(ys) >= y1 - MAX_OVERHANG
        and max(ys) <= y2 + MAX_OVERHANG
    )


def _is_normalised(number: float) -> bool:
    return isfinite(number) and -MAX_OVERHANG <= number <= 1 + MAX_OVERHANG


def _enclose(outline: Sequence[float]) -> _Corners:
    xs, ys = outline[::2], outline[1::2]
    return min(xs), min(ys), max(xs), max(ys)


def _to_corners(box: Sequence[float]) -> _Corners:
    x, y, width, height = box
    return x - width / 2, y - height / 2, x + width / 2, y + height / 2
