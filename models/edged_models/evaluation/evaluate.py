"""Evaluation of detectors: inference on every picture through the daemon's own encoding and decoding, then the figures."""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from edged.types import Detections
from edged_models.evaluation.average_precision import SIZES_PX, PrecisionTable, compute_precisions
from edged_models.evaluation.evaluated_model import EvaluatedModel
from edged_models.evaluation.label_mapping import LabelMapping
from edged_models.evaluation.picture_result import PictureResult
from edged_models.evaluation.results import Evaluation, LabelResult, SizeResult
from edged_models.evaluation.run import PictureTracker, check_task, describe_run, run_models
from edged_models.evaluation.threshold import build_confusion, compute_rates, count_false_alarms
from edged_models.pictures.labelled import LabelledPicture, PictureSet

DEFAULT_MIN_SCORE = 0.5
_MIN_AP_SCORE = 0.01
"""Detections below this score barely change average precision, and some models give hundreds."""


@dataclass(frozen=True, slots=True)
class EvaluationResult:
    """The figures of one detector, and what they were computed from.

    Attributes:
        evaluation: the figures.
        precisions: the precision table, from which curves are drawn.
        results: the detections in each picture, in the set's order.
        mapping: the evaluated labels.
    """

    evaluation: Evaluation
    precisions: PrecisionTable
    results: tuple[PictureResult, ...]
    mapping: LabelMapping


def evaluate(
    model: Path,
    pictures: PictureSet,
    *,
    runtime: str = "auto",
    threads: int = 1,
    min_score: float = DEFAULT_MIN_SCORE,
    labels_file: Path | None = None,
    track: PictureTracker = iter,
) -> Evaluation:
    """Evaluate one detector on a set of pictures.

    Args:
        model: any .tflite that the daemon can run.
        pictures: the set, labelled or not.
        runtime: ``litert``, ``tflite``, or ``auto`` for the first that is installed.
        threads: CPU threads of the interpreter.
        min_score: the threshold for precision, recall, confusion and false alarms.
        labels_file: class names, one a line; None for those in the model file.
        track: called with the pictures, for a progress bar.

    Raises:
        SourceError: the model is not a detector, or the pictures have no boxes.
        PicturesError: a picture cannot be read.
        ToolError: model and pictures share no label, or the model fails on a picture.
        EdgedError: the self-test or the runtime rejects the model.
    """
    with EvaluatedModel(model, runtime=runtime, threads=threads, labels_file=labels_file) as opened:
        (result,) = evaluate_models([opened], pictures, min_score=min_score, track=track)
    return result.evaluation


def evaluate_models(
    models: Sequence[EvaluatedModel],
    pictures: PictureSet,
    *,
    min_score: float = DEFAULT_MIN_SCORE,
    track: PictureTracker = iter,
) -> list[EvaluationResult]:
    """Evaluate several detectors on the same pictures; each picture is read once.

    Args:
        models: the opened models.
        pictures: the set, labelled or not.
        min_score: the threshold for precision, recall, confusion and false alarms.
        track: called with the pictures, for a progress bar.

    Raises:
        SourceError: a model is not a detector, or the pictures have no boxes.
        PicturesError: a picture cannot be read.
        ToolError: a model and the pictures share no label, or a model fails on a picture.
    """
    check_task(models, pictures)
    mappings, results, inference_s = run_models(models, pictures, _evaluate_picture, track)
    return [
        _build_result(
            model,
            mapping,
            collected,
            inference_s=inference_s,
            pictures_name=pictures.name,
            min_score=min_score,
        )
        for model, mapping, collected in zip(models, mappings, results, strict=True)
    ]


def _evaluate_picture(
    model: EvaluatedModel, mapping: LabelMapping, picture: LabelledPicture
) -> PictureResult:
    detections, fit = model.detect(picture, min_score=_MIN_AP_SCORE)
    last = len(mapping.model_indices) - 1
    found = mapping.model_indices[np.minimum(detections.class_ids, last)]
    true = mapping.picture_indices[picture.classes]
    crowds = mapping.picture_indices[picture.crowd_classes]
    width, height = model.input_px
    kept = found >= 0
    return PictureResult(
        detections=Detections(detections.boxes[kept], detections.scores[kept], found[kept]),
        true_boxes=picture.boxes[true >= 0],
        true_class_ids=true[true >= 0],
        crowd_boxes=picture.crowd_boxes[crowds >= 0],
        crowd_class_ids=crowds[crowds >= 0],
        is_empty=not len(picture.boxes) and not len(picture.crowd_boxes),
        size_px=(width * fit.scale_x, height * fit.scale_y),
    )


def _build_result(
    model: EvaluatedModel,
    mapping: LabelMapping,
    results: Sequence[PictureResult],
    *,
    inference_s: float,
    pictures_name: str,
    min_score: float,
) -> EvaluationResult:
    start_s = time.perf_counter()
    table = compute_precisions(results, len(mapping.labels))
    seconds = inference_s + time.perf_counter() - start_s
    evaluation = Evaluation(
        seconds=seconds,
        **describe_run(model, mapping, pictures_name),
        **_compute_figures(results, table, mapping.labels, min_score),
    )
    return EvaluationResult(evaluation, table, tuple(results), mapping)


def _compute_figures(
    results: Sequence[PictureResult],
    table: PrecisionTable,
    labels: tuple[str, ...],
    min_score: float,
) -> dict[str, Any]:
    """Return the fields of `Evaluation` that depend on the detections."""
    overall = compute_rates(table.ranked, min_score)
    alarms = count_false_alarms(results, len(labels), min_score)
    empty = sum(result.is_empty for result in results)
    return {
        "pictures": len(results),
        "empty_pictures": empty,
        "objects": int(table.object_counts[:, 0].sum()),
        "min_score": min_score,
        "ap": table.ap(),
        "ap50": table.ap50(),
        "ap75": table.ap75(),
        "precision": overall.precision,
        "recall": overall.recall,
        "f1": overall.f1,
        "false_alarms_per_empty_picture": float(alarms.sum()) / empty if empty else None,
        "by_label": _build_label_results(labels, table, alarms.tolist(), min_score),
        "by_size": _build_size_results(table),
        "confusion": build_confusion(results, labels, min_score),
    }


def _build_label_results(
    labels: Sequence[str], table: PrecisionTable, false_alarms: Sequence[int], min_score: float
) -> tuple[LabelResult, ...]:
    rates = [compute_rates([ranked], min_score) for ranked in table.ranked]
    return tuple(
        LabelResult(
            label=label,
            count=table.ranked[index].object_count,
            ap=table.ap(label=index),
            ap50=table.ap50(label=index),
            precision=rates[index].precision,
            recall=rates[index].recall,
            f1=rates[index].f1,
            false_alarms=false_alarms[index],
        )
        for index, label in enumerate(labels)
    )


def _build_size_results(table: PrecisionTable) -> tuple[SizeResult, ...]:
    return tuple(
        SizeResult(
            size=size,
            below_px=below_px,
            count=int(table.object_counts[:, index].sum()),
            ap=table.ap(size=index),
            ap50=table.ap50(size=index),
        )
        for index, (size, (_, below_px)) in enumerate(SIZES_PX.items(), 1)
    )
