"""Comparison of one runtime's outputs with those of the source. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from edged.errors import ModelError
from edged.families.outputs import dequantise
from edged.interfaces import ModelFamily
from edged.types import Detections, Fit, ModelSignature
from edged_models.verification.agreement import (
    MIN_DECIDED,
    BoxAgreement,
    ClassAgreement,
    compare_boxes,
    compare_classes,
    lower_min_score,
    to_probabilities,
)
from edged_models.verification.bounds import MIN_OBJECTS, Bounds, find_bounds
from edged_models.verification.faults import describe_loss, find_output_faults, find_way_out
from edged_models.verification.samples import Samples
from edged_models.verification.tensor_error import TensorError, measure_error

F32 = NDArray[np.float32]
_FAMILIES_OF_ROWS = ("ssd", "yolo-nms-free")
"""Their outputs are the best detections, whose rows change places: only the decoded boxes can be compared."""


@dataclass(frozen=True, slots=True, kw_only=True)
class OutputComparison:
    """The comparison of one runtime's outputs with those of the source.

    Attributes:
        pictures: number of pictures.
        outputs: the error of each output; empty if the outputs are rows that may change places.
        classes: agreement of a classifier; None for others.
        boxes: agreement of a detector; None for others.
        faults: what is wrong, with the way out.
        notes: what was not compared, and why.
    """

    pictures: int
    outputs: tuple[TensorError, ...]
    classes: ClassAgreement | None
    boxes: BoxAgreement | None
    faults: tuple[str, ...]
    notes: tuple[str, ...]


def compare_outputs(
    signature: ModelSignature,
    samples: Samples,
    expected: Sequence[Sequence[NDArray[np.generic]]],
    actual: Sequence[Sequence[NDArray[np.generic]]],
    *,
    scheme: str,
) -> OutputComparison:
    """Compare the outputs for the pictures that both ran.

    Args:
        signature: the written model's.
        samples: the inputs.
        expected: the source's outputs of each picture, each of any shape, float32.
        actual: the written model's outputs of each picture, each of the signature's shape and dtype, not dequantised.
        scheme: the scheme of the conversion.
    """
    count = min(len(expected), len(actual))
    mismatch = _find_shape_mismatch(signature, expected[0], actual[0])
    if mismatch:
        return OutputComparison(
            pictures=count, outputs=(), classes=None, boxes=None, faults=(mismatch,), notes=()
        )
    pairs = [
        _stack(signature, expected[:count], actual[:count], position)
        for position in range(len(signature.outputs))
    ]
    names = [info.name for info in signature.outputs]
    faults = [
        fault
        for name, (left, right) in zip(names, pairs, strict=True)
        for fault in find_output_faults(name, left, right, scheme=scheme)
    ]
    has_rows = samples.family is not None and samples.family.name in _FAMILIES_OF_ROWS
    if has_rows:
        faults = [fault for fault in faults if "NaN" in fault]
    outputs = () if has_rows else tuple(map(measure_error, names, *zip(*pairs, strict=True)))
    classes = _compare_classes(samples.source_family, pairs[0])
    boxes, notes, unreadable = _compare_boxes(samples, expected[:count], actual[:count])
    faults = faults or [f"{one}: {find_way_out(scheme)}" for one in unreadable]
    if not faults:
        bounds = find_bounds(scheme)
        faults = _find_beyond_bounds(
            outputs, pairs, bounds, classes=classes, boxes=boxes, scheme=scheme
        )
    return OutputComparison(
        pictures=count,
        outputs=outputs,
        classes=classes,
        boxes=boxes,
        faults=tuple(faults),
        notes=tuple(notes),
    )


def _find_shape_mismatch(
    signature: ModelSignature,
    expected: Sequence[NDArray[np.generic]],
    actual: Sequence[NDArray[np.generic]],
) -> str | None:
    if len(expected) != len(actual):
        return f"it has {len(actual)} outputs, and its source has {len(expected)}"
    for info, left, right in zip(signature.outputs, expected, actual, strict=True):
        if left.size != right.size:
            return f"output {info.name!r} is {list(right.shape)}, and its source's is {list(left.shape)}"
    return None


def _stack(
    signature: ModelSignature,
    expected: Sequence[Sequence[NDArray[np.generic]]],
    actual: Sequence[Sequence[NDArray[np.generic]]],
    position: int,
) -> tuple[F32, F32]:
    """Return one output of the source and of the result for all pictures: twice (P, *shape) float32."""
    info = signature.outputs[position]
    right = np.stack([dequantise(outputs[position], info) for outputs in actual])
    left = np.stack([np.asarray(outputs[position], np.float32) for outputs in expected])
    return left.reshape(right.shape), right


def _compare_classes(family: ModelFamily | None, pair: tuple[F32, F32]) -> ClassAgreement | None:
    has_logits = getattr(family, "has_logits", None)
    if family is None or family.name != "classification" or has_logits is None:
        return None
    tables = [
        to_probabilities(values.reshape(len(values), -1), has_logits=has_logits) for values in pair
    ]
    return compare_classes(*tables) if all(np.isfinite(one).all() for one in tables) else None


def _compare_boxes(
    samples: Samples,
    expected: Sequence[Sequence[NDArray[np.generic]]],
    actual: Sequence[Sequence[NDArray[np.generic]]],
) -> tuple[BoxAgreement | None, list[str], list[str]]:
    """Return the agreement of a detector, the notes, and the faults."""
    family, source_family = samples.family, samples.source_family
    if family is None or source_family is None or family.name == "classification":
        return None, [], []
    shaped = [
        [np.asarray(one, np.float32).reshape(other.shape) for one, other in zip(*pair, strict=True)]
        for pair in zip(expected, actual, strict=True)
    ]
    try:
        left = _decode(source_family, shaped, samples.fits)
    except ModelError as error:
        return None, [f"boxes not compared: the source's cannot be read: {error}"], []
    try:
        right = _decode(family, actual, samples.fits)
    except ModelError as error:
        return None, [], [f"the source's boxes can be read, the result's cannot: {error}"]
    boxes = compare_boxes(left, right)
    few = f"the source finds only {boxes.source_objects} objects in these pictures: give some with objects with --verify-on"
    return boxes, [few] if boxes.source_objects < MIN_OBJECTS else [], []


def _decode(
    family: ModelFamily, outputs: Sequence[Sequence[NDArray[np.generic]]], fits: Sequence[Fit]
) -> list[Detections]:
    return [
        family.decode(list(one), fit, min_score=lower_min_score())
        for one, fit in zip(outputs, fits, strict=False)
    ]


def _find_beyond_bounds(
    outputs: Sequence[TensorError],
    pairs: Sequence[tuple[F32, F32]],
    bounds: Bounds,
    *,
    classes: ClassAgreement | None,
    boxes: BoxAgreement | None,
    scheme: str,
) -> list[str]:
    """Return what is beyond its bound. Where the agreement of classes or boxes can be measured, the errors may be larger."""
    way_out = find_way_out(scheme)
    least_db = bounds.snr_db
    if classes is not None and classes.decided >= MIN_DECIDED and classes.decided_classes > 1:
        least_db = bounds.least_db
        if classes.top1_decided < bounds.top1:
            same = round(classes.top1_decided * classes.decided)
            fault = (
                f"only {same} of {classes.decided} decided pictures keep their class ({scheme} must keep {100 * bounds.top1:.0f} %): "
                f"{describe_loss(*pairs[0])}: {way_out}"
            )
            return [fault]
    if boxes is not None and boxes.source_objects >= MIN_OBJECTS:
        least_db = bounds.least_db
        if boxes.agreement < bounds.boxes:
            fault = (
                f"only {100 * boxes.agreement:.0f} % of {boxes.source_objects} objects of the source and {boxes.result_objects} of "
                f"the result are in common ({scheme} must keep {100 * bounds.boxes:.0f} %): {way_out}"
            )
            return [fault]
    return [
        f"output {one.output!r} is {100 * one.relative_rms:.0f} % of its signal off ({one.snr_db:.0f} dB, {scheme} must keep "
        f"{least_db:.0f} dB): {describe_loss(*pair)}: {way_out}"
        for one, pair in zip(outputs, pairs, strict=False)
        if one.snr_db is not None and one.snr_db < least_db
    ]
