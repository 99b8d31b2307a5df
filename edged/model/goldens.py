"""Goldens: pictures with known detections, to test a model on the device where it is to run.

The two runtimes, and the kernels for other processors, do not give bit-identical numbers: expected detections come with
tolerances, and boxes are matched by position, never by order.
"""

from typing import Annotated, Literal

import msgspec
import numpy as np
from msgspec import Meta, Struct

from edged.errors import ModelError
from edged.scene.box_arrays import iou_matrix
from edged.text import to_utf8
from edged.types import Detections

SCHEMA = 1
_MAX_BYTES = 1 << 20

_Fraction = Annotated[float, Meta(ge=0.0, le=1.0)]
_Sha256 = Annotated[str, Meta(pattern="^[0-9a-f]{64}$")]
_FileName = Annotated[str, Meta(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*\.png$", max_length=100)]


class ExpectedDetection(Struct, frozen=True, kw_only=True):
    """One expected detection.

    Attributes:
        label: the class's name.
        class_id: the class's number in the model.
        score: 0..1.
        box: [x1, y1, x2, y2] in fractions of the picture.
    """

    label: str
    class_id: Annotated[int, Meta(ge=0)]
    score: _Fraction
    box: tuple[_Fraction, _Fraction, _Fraction, _Fraction]


class Golden(Struct, frozen=True, kw_only=True):
    """A picture and every detection in it.

    Attributes:
        picture: name of a PNG file in the same folder.
        sha256: sha256 of that file.
        kind: why it was chosen: ``empty``, ``easy``, ``many``, ``small`` or ``doubtful``; of a classifier ``empty`` (no class reaches
            `Goldens.min_score`), ``easy`` or ``doubtful``.
        detections: those of at least `Goldens.min_score`, best first; of a classifier the best class, with the whole picture as its box.
    """

    picture: _FileName
    sha256: _Sha256
    kind: str
    detections: Annotated[tuple[ExpectedDetection, ...], Meta(max_length=100)]


class Tolerances(Struct, frozen=True, kw_only=True):
    """The permitted deviation of a detection from the expected one.

    Attributes:
        min_iou: minimum overlap of the two boxes.
        max_score_difference: maximum difference of the scores.
    """

    min_iou: _Fraction
    max_score_difference: _Fraction

    def lower_min_score(self, min_score: float) -> float:
        """Return the score down to which a model must be decoded, so that no counterpart of an expected detection is missing."""
        return max(0.0, min_score - self.max_score_difference)


class Goldens(Struct, frozen=True, kw_only=True):
    """The goldens of one model file.

    Attributes:
        schema: version of this file's format.
        model_sha256: sha256 of the model file.
        made_by: the software that computed the expected detections.
        min_score: detections below it are not listed.
        tolerances: tolerances for every detection.
        goldens: the pictures.
    """

    schema: Literal[1]
    model_sha256: _Sha256
    made_by: str
    min_score: _Fraction
    tolerances: Tolerances
    goldens: Annotated[tuple[Golden, ...], Meta(min_length=1, max_length=64)]


def read_goldens(content: bytes) -> Goldens:
    """Decode and validate the content of a goldens file.

    Raises:
        ModelError: the content has another format or schema, contains impossible values, or is too large.
    """
    if len(content) > _MAX_BYTES:
        raise ModelError(f"the goldens take {len(content)} bytes; {_MAX_BYTES} are allowed")
    try:
        return msgspec.json.decode(to_utf8(content), type=Goldens)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise ModelError(f"the goldens cannot be read: {error}") from error


def write_goldens(goldens: Goldens) -> bytes:
    """Return the content of a goldens file, as `read_goldens` takes it."""
    return msgspec.json.format(msgspec.json.encode(goldens), indent=1) + b"\n"


def find_mismatches(
    expected: tuple[ExpectedDetection, ...],
    found: Detections,
    tolerances: Tolerances,
    *,
    min_score: float,
) -> tuple[str, ...]:
    """Compare a model's detections in a picture with the expected ones.

    Every expected detection must be found: the same class, the box and the score within the tolerances. Nothing else may be
    found, unless its score is within the tolerance of `min_score`.

    Args:
        expected: the expected detections.
        found: the model's detections, down to a score of `Tolerances.lower_min_score`.
        tolerances: the permitted deviations.
        min_score: the lowest score of an expected detection.

    Returns:
        A clause for each mismatch; empty if every detection is as expected.
    """
    pairs = match_detections(expected, found, tolerances)
    missing = [
        f"no {one.label} of {one.score:.2f} at {_format_box(one.box)}"
        for place, one in enumerate(expected)
        if place not in pairs
    ]
    matched = set(pairs.values())
    certain = np.flatnonzero(found.scores > min_score + tolerances.max_score_difference)
    surplus = [
        f"class {found.class_ids[i]} of {found.scores[i]:.2f} at {_format_box(found.boxes[i])} is not expected"
        for i in certain.tolist()
        if i not in matched
    ]
    return (*missing, *surplus)


def match_detections(
    expected: tuple[ExpectedDetection, ...], found: Detections, tolerances: Tolerances
) -> dict[int, int]:
    """Match detections with expected ones, the pairs that overlap most first.

    Args:
        expected: the expected detections.
        found: the model's detections.
        tolerances: the permitted deviations.

    Returns:
        Indices into `found` by indices into `expected`, for those that match within the tolerances.
    """
    boxes = np.array([one.box for one in expected], np.float32).reshape(-1, 4)
    overlap = iou_matrix(boxes, found.boxes)
    classes = np.array([one.class_id for one in expected], np.int32)
    scores = np.array([one.score for one in expected], np.float32)
    near = np.abs(scores[:, None] - found.scores[None, :]) <= tolerances.max_score_difference
    is_match = (
        near & (classes[:, None] == found.class_ids[None, :]) & (overlap >= tolerances.min_iou)
    )
    rows, columns = np.nonzero(is_match)
    order = np.argsort(-overlap[rows, columns], kind="stable")
    pairs: dict[int, int] = {}
    for row, column in zip(rows[order].tolist(), columns[order].tolist(), strict=True):
        if row not in pairs and column not in pairs.values():
            pairs[row] = column
    return pairs


def _format_box(box: "tuple[float, ...] | np.ndarray[tuple[int], np.dtype[np.float32]]") -> str:
    return f"[{', '.join(f'{side:.3f}' for side in box)}]"
