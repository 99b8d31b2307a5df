"""Evaluation of classifiers: inference on every picture through the daemon's own encoding and decoding, then the figures."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from edged_models.errors import PicturesError
from edged_models.evaluation.class_scores import (
    TOP,
    ClassifiedPicture,
    ClassScores,
    build_class_confusion,
    build_class_results,
    build_reliability,
    compute_calibration_error,
)
from edged_models.evaluation.classifier_results import ClassifierEvaluation
from edged_models.evaluation.evaluated_model import EvaluatedModel
from edged_models.evaluation.label_mapping import LabelMapping
from edged_models.evaluation.run import PictureTracker, check_task, describe_run, run_models
from edged_models.pictures.labelled import LabelledPicture, PictureSet


@dataclass(frozen=True, slots=True)
class ClassifierResult:
    """The figures of one classifier, and what they were computed from.

    Attributes:
        evaluation: the figures.
        answers: the answer for each picture, in the set's order.
        mapping: the evaluated labels.
    """

    evaluation: ClassifierEvaluation
    answers: tuple[ClassifiedPicture, ...]
    mapping: LabelMapping


def evaluate_classifiers(
    models: Sequence[EvaluatedModel],
    pictures: PictureSet,
    *,
    min_score: float = 0.5,
    track: PictureTracker = iter,
) -> list[ClassifierResult]:
    """Evaluate several classifiers on the same pictures; each picture is read once.

    Args:
        models: the opened models.
        pictures: a set for classification.
        min_score: the score from which the daemon reports the best class.
        track: called with the pictures, for a progress bar.

    Raises:
        SourceError: a model is not a classifier, or the pictures are not for classification.
        PicturesError: a picture cannot be read, or there is none of a class that a model has.
        ToolError: a model and the pictures share no label, or a model fails on a picture.
    """
    check_task(models, pictures)
    mappings, answers, seconds = run_models(models, pictures, classify_picture, track)
    return [
        _build_result(
            model, mapping, collected, pictures.name, min_score=min_score, seconds=seconds
        )
        for model, mapping, collected in zip(models, mappings, answers, strict=True)
    ]


def classify_picture(
    model: EvaluatedModel, mapping: LabelMapping, picture: LabelledPicture
) -> ClassifiedPicture:
    """Run a classifier on one picture, and map its best classes to the evaluated labels.

    Args:
        model: the classifier.
        mapping: of its labels to those that are evaluated.
        picture: a picture with one class.

    Raises:
        ToolError: the model fails on the picture.
    """
    scores = model.classify(picture)
    last = len(mapping.model_indices) - 1
    indices = mapping.model_indices[np.minimum(np.arange(len(scores)), last)]
    ranked = np.argsort(-scores, kind="stable")[:TOP].astype(np.int32)
    true_id = int(mapping.picture_indices[picture.classes[0]])
    is_true = (indices == true_id) & (indices >= 0)
    return ClassifiedPicture(
        true_id=true_id,
        ranked_ids=ranked,
        ranked=indices[ranked],
        scores=scores[ranked],
        true_score=float(scores[is_true].max(initial=0.0)),
    )


def _build_result(
    model: EvaluatedModel,
    mapping: LabelMapping,
    answers: Sequence[ClassifiedPicture],
    pictures_name: str,
    *,
    min_score: float,
    seconds: float,
) -> ClassifierResult:
    known = ClassScores.collect(answers)
    if not len(known.true):
        raise PicturesError(
            f"{pictures_name} has no picture of a class that {model.path} has: nothing can be evaluated"
        )
    evaluation = ClassifierEvaluation(
        **describe_run(model, mapping, pictures_name),
        **_compute_figures(known, mapping, min_score),
        ignored_pictures=len(answers) - len(known.true),
        seconds=seconds,
    )
    return ClassifierResult(evaluation, tuple(answers), mapping)


def _compute_figures(known: ClassScores, mapping: LabelMapping, min_score: float) -> dict[str, Any]:
    """Return the fields of `ClassifierEvaluation` that depend on the scores."""
    confusion = build_class_confusion(known, mapping.labels)
    reliability = build_reliability(known)
    reported = known.scores >= min_score
    return {
        "pictures": len(known.true),
        "min_score": min_score,
        "top1": known.accuracy(1),
        "top5": known.accuracy(TOP) if len(mapping.model_indices) - 1 > TOP else None,
        "reported": float(reported.mean()),
        "reported_accuracy": float(known.is_right[reported].mean()) if reported.any() else None,
        "calibration_error": compute_calibration_error(reliability),
        "reliability": reliability,
        "by_label": build_class_results(confusion),
        "confusion": confusion,
    }
