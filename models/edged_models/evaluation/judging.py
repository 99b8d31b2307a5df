"""Judges models: shows them pictures, through the daemon's own encoding and decoding, and counts."""

import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from edged.types import Detections
from edged_models.evaluation.agreement import Agreement, agree
from edged_models.evaluation.contender import Contender
from edged_models.evaluation.look import Look
from edged_models.evaluation.precision import SIZES_PX, Precisions, precisions
from edged_models.evaluation.results import Evaluation, LabelResult, SizeResult
from edged_models.evaluation.threshold import confusion, false_alarms, rates
from edged_models.pictures.labelled import Labelled, PictureSet

MIN_SCORE = 0.5
_LEAST_SCORE = 0.01
"""Detections below it change no average precision to speak of, and some models give hundreds."""

Watch = Callable[[Iterable[Labelled]], Iterable[Labelled]]
"""Sees the pictures pass by, as a progress bar does."""


@dataclass(frozen=True, slots=True)
class Judgement:
    """The figures, and what curves are drawn from."""

    evaluation: Evaluation
    precisions: Precisions


def evaluate(
    model: Path,
    pictures: PictureSet,
    *,
    runtime: str = "auto",
    threads: int = 1,
    min_score: float = MIN_SCORE,
    labels_file: Path | None = None,
    watch: Watch = iter,
) -> Evaluation:
    """Judge one model.

    Args:
        model: any .tflite that the daemon can run.
        pictures: what to show it.
        runtime: ``litert``, ``tflite``, or ``auto`` for the first that is installed.
        threads: CPU threads of the interpreter.
        min_score: the threshold of precision, recall, confusion and false alarms.
        labels_file: names of the model's classes, one a line; what its file carries if None.
        watch: sees the pictures pass by.

    Raises:
        SourceError: the model is no detector.
        PicturesError: a picture cannot be read.
        ToolError: model and pictures have no label in common, or the model failed on a picture.
        EdgedError: the model was refused.
    """
    with Contender(model, runtime=runtime, threads=threads, labels_file=labels_file) as contender:
        (judgement,) = judge([contender], pictures, min_score=min_score, watch=watch)
    return judgement.evaluation


def judge(
    contenders: Sequence[Contender],
    pictures: PictureSet,
    *,
    min_score: float = MIN_SCORE,
    watch: Watch = iter,
) -> list[Judgement]:
    """Judge several models on the same pictures, each of which is read once; raises what `evaluate` raises."""
    agreements = [agree(one.labels, pictures.labels, model=one.path) for one in contenders]
    looks: list[list[Look]] = [[] for _ in contenders]
    began_s = time.perf_counter()
    turns = list(zip(contenders, agreements, looks, strict=True))
    for picture in watch(pictures):
        for contender, agreement, mine in turns:
            mine.append(_look(contender, agreement, picture))
        # Who comes first finds the processor's caches full of the picture: each model does in its turn.
        turns.append(turns.pop(0))
    looking_s = time.perf_counter() - began_s
    judgements = []
    for contender, agreement, mine in zip(contenders, agreements, looks, strict=True):
        began_s = time.perf_counter()
        counted = precisions(mine, len(agreement.labels))
        seconds = looking_s + time.perf_counter() - began_s
        evaluation = _evaluation(
            contender,
            agreement,
            mine,
            counted,
            pictures_name=pictures.name,
            min_score=min_score,
            seconds=seconds,
        )
        judgements.append(Judgement(evaluation, counted))
    return judgements


def _look(contender: Contender, agreement: Agreement, picture: Labelled) -> Look:
    found, fit = contender.find(picture, min_score=_LEAST_SCORE)
    known = agreement.of_model[np.minimum(found.class_ids, len(agreement.of_model) - 1)]
    true = agreement.of_pictures[picture.classes]
    width, height = contender.input_px
    return Look(
        found=Detections(found.boxes[known >= 0], found.scores[known >= 0], known[known >= 0]),
        boxes=picture.boxes[true >= 0],
        classes=true[true >= 0],
        empty=not len(picture.boxes),
        size_px=(width * fit.scale_x, height * fit.scale_y),
    )


def _evaluation(
    contender: Contender,
    agreement: Agreement,
    looks: Sequence[Look],
    counted: Precisions,
    *,
    pictures_name: str,
    min_score: float,
    seconds: float,
) -> Evaluation:
    overall = rates(counted.ranked, min_score)
    alarms = false_alarms(looks, len(agreement.labels), min_score)
    empty = sum(look.empty for look in looks)
    p50, p95 = np.percentile(contender.invoke_ms, (50, 95))
    return Evaluation(
        model=str(contender.path),
        model_sha256=contender.sha256,
        runtime=contender.model.interpreter.runtime,
        threads=contender.settings.threads,
        input_px=contender.input_px,
        pictures_name=pictures_name,
        pictures=len(looks),
        empty_pictures=empty,
        objects=int(counted.counts[:, 0].sum()),
        min_score=min_score,
        ap=counted.ap(),
        ap50=counted.ap50(),
        ap75=counted.ap75(),
        precision=overall.precision,
        recall=overall.recall,
        f1=overall.f1,
        false_alarms_per_empty_picture=float(alarms.sum()) / empty if empty else None,
        by_label=_by_label(agreement.labels, counted, alarms.tolist(), min_score),
        by_size=_by_size(counted),
        confusion=confusion(looks, agreement.labels, min_score),
        unknown_to_model=agreement.unknown_to_model,
        not_in_pictures=agreement.not_in_pictures,
        invoke_ms_p50=float(p50),
        invoke_ms_p95=float(p95),
        seconds=seconds,
    )


def _by_label(
    labels: Sequence[str], counted: Precisions, alarms: Sequence[int], min_score: float
) -> tuple[LabelResult, ...]:
    results = []
    for place, (label, ranked) in enumerate(zip(labels, counted.ranked, strict=True)):
        one = rates([ranked], min_score)
        result = LabelResult(
            label=label,
            count=ranked.objects,
            ap=counted.ap(label=place),
            ap50=counted.ap50(label=place),
            precision=one.precision,
            recall=one.recall,
            f1=one.f1,
            false_alarms=alarms[place],
        )
        results.append(result)
    return tuple(results)


def _by_size(counted: Precisions) -> tuple[SizeResult, ...]:
    return tuple(
        SizeResult(
            size=size,
            below_px=below_px,
            count=int(counted.counts[:, place].sum()),
            ap=counted.ap(size=place),
            ap50=counted.ap50(size=place),
        )
        for place, (size, (_, below_px)) in enumerate(SIZES_PX.items(), 1)
    )
