"""Running several models over the same pictures."""

import time
from collections.abc import Callable, Iterable, Sequence
from typing import Any, TypeVar

import numpy as np

from edged_models.errors import SourceError
from edged_models.evaluation.evaluated_model import EvaluatedModel
from edged_models.evaluation.label_mapping import LabelMapping, map_labels
from edged_models.pictures.labelled import LabelledPicture, PictureSet, Task

T = TypeVar("T")

PictureTracker = Callable[[Iterable[LabelledPicture]], Iterable[LabelledPicture]]
"""Passes the pictures through unchanged, as a progress bar does."""


def check_task(models: Sequence[EvaluatedModel], pictures: PictureSet) -> None:
    """Check that each model tells what the labels of the pictures say.

    Raises:
        SourceError: a detector meets pictures for classification, or a classifier any others.
    """
    for model in models:
        if model.task is pictures.task:
            continue
        if model.task is Task.DETECTION:
            raise SourceError(
                f"{model.path} is a detector, and {pictures.name} says only which class each picture has: "
                "give a set with boxes, as COCO or YOLO"
            )
        labels = "boxes" if pictures.labels else "no labels"
        raise SourceError(
            f"{model.path} is not a detector but a classifier, and {pictures.name} has {labels}: "
            "give a folder with a subfolder of pictures for each class"
        )


def run_models(
    models: Sequence[EvaluatedModel],
    pictures: PictureSet,
    run_one: Callable[[EvaluatedModel, LabelMapping, LabelledPicture], T],
    track: PictureTracker,
) -> tuple[list[LabelMapping], list[list[T]], float]:
    """Run all models on each picture, which is read once.

    Args:
        models: the opened models.
        pictures: the set.
        run_one: runs one model on one picture.
        track: called with the pictures, for a progress bar.

    Returns:
        For each model the mapping of its labels, and its result for each picture; and the seconds that it took.

    Raises:
        PicturesError: a picture cannot be read.
        ToolError: a model and the pictures share no label, or a model fails on a picture.
    """
    mappings = [map_labels(one.labels, pictures.labels, model_name=one.path) for one in models]
    results: list[list[T]] = [[] for _ in models]
    start_s = time.perf_counter()
    runs = list(zip(models, mappings, results, strict=True))
    for picture in track(pictures):
        for model, mapping, collected in runs:
            collected.append(run_one(model, mapping, picture))
        # The first model finds the processor's caches full of the picture: the models take turns in being first.
        runs.append(runs.pop(0))
    return mappings, results, time.perf_counter() - start_s


def describe_run(
    model: EvaluatedModel, mapping: LabelMapping, pictures_name: str
) -> dict[str, Any]:
    """Return the fields of an evaluation that do not depend on what the model found.

    Args:
        model: the model, after its run.
        mapping: of its labels to those that are evaluated.
        pictures_name: the origin of the pictures.
    """
    p50, p95 = np.percentile(model.invoke_ms, (50, 95))
    return {
        "model": str(model.path),
        "model_sha256": model.sha256,
        "runtime": model.loaded_model.interpreter.runtime,
        "threads": model.settings.threads,
        "input_px": model.input_px,
        "pictures_name": pictures_name,
        "unknown_to_model": mapping.unknown_to_model,
        "not_in_pictures": mapping.not_in_pictures,
        "invoke_ms_p50": float(p50),
        "invoke_ms_p95": float(p95),
    }
