"""Judges models: shows them pictures, through the daemon's own encoding and decoding, and counts."""

import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from edged.types import Detections
from edged_models.evaluation.average_precision import SIZES_PX, PrecisionTable, compute_precisions
from edged_models.evaluation.evaluated_model import EvaluatedModel
from edged_models.evaluation.label_mapping import LabelMapping, map_labels
from edged_models.evaluation.picture_result import PictureResult
from edged_models.evaluation.results import Evaluation, LabelResult, SizeResult
from edged_models.evaluation.threshold import build_confusion, compute_rates, count_false_alarms
from edged_models.pictures.labelled import LabelledPicture, PictureSet

DEFAULT_MIN_SCORE = 0.5
_MIN_AP_SCORE = 0.01
"""Detections below it change no average precision to speak of, and some models give hundreds."""

PictureTracker = Callable[[Iterable[LabelledPicture]], Iterable[LabelledPicture]]
"""Sees the pictures pass by, as a progress bar does."""


@dataclass(frozen=True, slots=True)
class EvaluationResult:
    """The figures, and what curves are drawn from."""

    evaluation: Evaluation
    precisions: PrecisionTable


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
    """Judge one model.

    Args:
        model: any .tflite that the daemon can run.
        pictures: what to show it.
        runtime: ``litert``, ``tflite``, or ``auto`` for the first that is installed.
        threads: CPU threads of the interpreter.
        min_score: the threshold of precision, recall, confusion and false alarms.
        labels_file: names of the model's classes, one a line; what its file carries if None.
        track: sees the pictures pass by.

    Raises:
        SourceError: the model is no detector.
        PicturesError: a picture cannot be read.
        ToolError: model and pictures have no label in common, or the model failed on a picture.
        EdgedError: the model was refused.
    """
    with EvaluatedModel(
        model, runtime=runtime, threads=threads, labels_file=labels_file
    ) as contender:
        (judgement,) = evaluate_models([contender], pictures, min_score=min_score, track=track)
    return judgement.evaluation


def evaluate_models(
    models: Sequence[EvaluatedModel],
    pictures: PictureSet,
    *,
    min_score: float = DEFAULT_MIN_SCORE,
    track: PictureTracker = iter,
) -> list[EvaluationResult]:
    """Judge several models on the same pictures, each of which is read once; raises what `evaluate` raises."""
    agreements = [map_labels(one.labels, pictures.labels, model_name=one.path) for one in models]
    looks: list[list[PictureResult]] = [[] for _ in models]
    began_s = time.perf_counter()
    turns = list(zip(models, agreements, looks, strict=True))
    for picture in track(pictures):
        for contender, agreement, mine in turns:
            mine.append(_evaluate_picture(contender, agreement, picture))
        # Who comes first finds the processor's caches full of the picture: each model does in its turn.
        turns.append(turns.pop(0))
    looking_s = time.perf_counter() - began_s
    judgements = []
    for contender, agreement, mine in zip(models, agreements, looks, strict=True):
        began_s = time.perf_counter()
        counted = compute_precisions(mine, len(agreement.labels))
        seconds = looking_s + time.perf_counter() - began_s
        evaluation = _build_evaluation(
            contender,
            agreement,
            mine,
            counted,
            pictures_name=pictures.name,
            min_score=min_score,
            seconds=seconds,
        )
        judgements.append(EvaluationResult(evaluation, counted))
    return judgements


def _evaluate_picture(
    model: EvaluatedModel, mapping: LabelMapping, picture: LabelledPicture
) -> PictureResult:
    found, fit = model.detect(picture, min_score=_MIN_AP_SCORE)
    known = mapping.model_indices[np.minimum(found.class_ids, len(mapping.model_indices) - 1)]
    true = mapping.picture_indices[picture.classes]
    width, height = model.input_px
    return PictureResult(
        detections=Detections(found.boxes[known >= 0], found.scores[known >= 0], known[known >= 0]),
        true_boxes=picture.boxes[true >= 0],
        true_class_ids=true[true >= 0],
        is_empty=not len(picture.boxes),
        size_px=(width * fit.scale_x, height * fit.scale_y),
    )


def _build_evaluation(
    model: EvaluatedModel,
    mapping: LabelMapping,
    results: Sequence[PictureResult],
    precision_table: PrecisionTable,
    *,
    pictures_name: str,
    min_score: float,
    seconds: float,
) -> Evaluation:
    overall = compute_rates(precision_table.ranked, min_score)
    alarms = count_false_alarms(results, len(mapping.labels), min_score)
    empty = sum(look.is_empty for look in results)
    p50, p95 = np.percentile(model.invoke_ms, (50, 95))
    return Evaluation(
        model=str(model.path),
        model_sha256=model.sha256,
        runtime=model.loaded_model.interpreter.runtime,
        threads=model.settings.threads,
        input_px=model.input_px,
        pictures_name=pictures_name,
        pictures=len(results),
        empty_pictures=empty,
        objects=int(precision_table.object_counts[:, 0].sum()),
        min_score=min_score,
        ap=precision_table.ap(),
        ap50=precision_table.ap50(),
        ap75=precision_table.ap75(),
        precision=overall.precision,
        recall=overall.recall,
        f1=overall.f1,
        false_alarms_per_empty_picture=float(alarms.sum()) / empty if empty else None,
        by_label=_build_label_results(mapping.labels, precision_table, alarms.tolist(), min_score),
        by_size=_build_size_results(precision_table),
        confusion=build_confusion(results, mapping.labels, min_score),
        unknown_to_model=mapping.unknown_to_model,
        not_in_pictures=mapping.not_in_pictures,
        invoke_ms_p50=float(p50),
        invoke_ms_p95=float(p95),
        seconds=seconds,
    )


def _build_label_results(
    labels: Sequence[str],
    precision_table: PrecisionTable,
    false_alarm_counts: Sequence[int],
    min_score: float,
) -> tuple[LabelResult, ...]:
    results = []
    for place, (label, ranked) in enumerate(zip(labels, precision_table.ranked, strict=True)):
        one = compute_rates([ranked], min_score)
        result = LabelResult(
            label=label,
            count=ranked.object_count,
            ap=precision_table.ap(label=place),
            ap50=precision_table.ap50(label=place),
            precision=one.precision,
            recall=one.recall,
            f1=one.f1,
            false_alarms=false_alarm_counts[place],
        )
        results.append(result)
    return tuple(results)


def _build_size_results(precision_table: PrecisionTable) -> tuple[SizeResult, ...]:
    return tuple(
        SizeResult(
            size=size,
            below_px=below_px,
            count=int(precision_table.object_counts[:, place].sum()),
            ap=precision_table.ap(size=place),
            ap50=precision_table.ap50(size=place),
        )
        for place, (size, (_, below_px)) in enumerate(SIZES_PX.items(), 1)
    )
