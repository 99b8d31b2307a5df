"""The family that a model comes nearest to if none fits: the reason of that family is the one that matters to the user.

A rule on the signature alone, from the most telling layout to the least: an operator, the number of outputs, their ranks.
"""

from collections.abc import Callable
from math import prod

from edged.model.file.graph import POSTPROCESS_OP
from edged.types import ModelSignature

_SSD_OUTPUTS = (4, 6)
_STANDARD_ANCHORS = ((1917,), (2034,))
"""Rows of an SSD without the post-process, for inputs of 300 and 320 px."""
_MAX_QUERIES = 1000
_SIDES = 64
"""Columns of the distributions of a box's sides in a split YOLO head."""
_ROW = 3
"""Rank of [1, N, columns]."""


def find_nearest_family(signature: ModelSignature) -> str | None:
    """Return the name of the family whose layout the outputs resemble most; None if they resemble none."""
    for family, is_like in _LAYOUTS:
        if is_like(signature):
            return family
    return None


def _shapes(signature: ModelSignature) -> list[tuple[int, ...]]:
    return [tensor.shape for tensor in signature.outputs]


def _is_single(signature: ModelSignature, rank: int) -> bool:
    return [len(shape) for shape in _shapes(signature)] == [rank]


def _has_extra_columns(signature: ModelSignature, columns: int) -> bool:
    """Return whether the rows have so many columns and one for each label."""
    labels = len(signature.metadata.labels)
    return (
        bool(labels) and _is_single(signature, _ROW) and labels + columns in _shapes(signature)[0]
    )


def _has_queries(signature: ModelSignature) -> bool:
    """Return whether a few hundred boxes stand beside logits, or beside class ids and scores."""
    shapes = _shapes(signature)
    counts = {shape[1] for shape in shapes if len(shape) > 1}
    ranks = sorted(len(shape) for shape in shapes)
    return (
        ranks in ([_ROW, _ROW], [2, 2, _ROW]) and len(counts) == 1 and max(counts) <= _MAX_QUERIES
    )


def _is_wide(signature: ModelSignature) -> bool:
    """Return whether the only output has more columns than rows, as [1, 84, 8400]."""
    return _is_single(signature, _ROW) and _shapes(signature)[0][1] < _shapes(signature)[0][2]


_LAYOUTS: tuple[tuple[str, Callable[[ModelSignature], bool]], ...] = (
    ("ssd", lambda model: any(op.name == POSTPROCESS_OP for op in model.ops)),
    ("ssd", lambda model: len(model.outputs) in _SSD_OUTPUTS),
    ("mediapipe", lambda model: model.metadata.box_decoding is not None),
    (
        "yolo-split",
        lambda model: len(model.outputs) > 1 and any(_SIDES in s for s in _shapes(model)),
    ),
    ("ssd-anchors", lambda model: any(s[1:2] in _STANDARD_ANCHORS for s in _shapes(model))),
    ("detr", _has_queries),
    ("ssd-raw", lambda model: [len(shape) for shape in _shapes(model)] == [_ROW, _ROW]),
    ("yolo-nms-free", lambda model: _is_single(model, _ROW) and _shapes(model)[0][2] == 6),  # noqa: PLR2004 - box, score, class
    ("yolov8", lambda model: _is_wide(model) or _has_extra_columns(model, 4)),
    ("yolov5", lambda model: _is_single(model, _ROW)),
    ("fomo", lambda model: _is_single(model, 4) and max(_shapes(model)[0][1:3]) > 1),
    (
        "classification",
        lambda model: (
            len(model.outputs) == 1 and prod(_shapes(model)[0]) == max(_shapes(model)[0], default=0)
        ),
    ),
)
