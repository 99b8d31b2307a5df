"""Evaluation of detectors or classifiers, whichever the pictures are for."""

from collections.abc import Sequence

from edged_models.evaluation.comparison import AnyResult
from edged_models.evaluation.evaluate import evaluate_models
from edged_models.evaluation.evaluate_classifier import evaluate_classifiers
from edged_models.evaluation.evaluated_model import EvaluatedModel
from edged_models.evaluation.run import PictureTracker
from edged_models.pictures.labelled import PictureSet, Task


def evaluate_any(
    models: Sequence[EvaluatedModel],
    pictures: PictureSet,
    *,
    min_score: float,
    track: PictureTracker = iter,
) -> list[AnyResult]:
    """Evaluate several models on the same pictures; each picture is read once.

    Args:
        models: the opened models, all detectors or all classifiers.
        pictures: the set, with boxes or with a class for each picture; for detectors also one without labels.
        min_score: the threshold for the figures that need one.
        track: called with the pictures, for a progress bar.

    Raises:
        ToolError: model and pictures do not fit, a picture cannot be read, or a model fails on it.
    """
    if pictures.task is Task.CLASSIFICATION:
        return [*evaluate_classifiers(models, pictures, min_score=min_score, track=track)]
    return [*evaluate_models(models, pictures, min_score=min_score, track=track)]
