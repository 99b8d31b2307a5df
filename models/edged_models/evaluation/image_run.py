"""A run of a model on one picture, on each runtime, through the daemon's own encoding and decoding."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from msgspec import Struct

from edged.errors import EdgedError
from edged_models.evaluation.evaluated_model import EvaluatedModel
from edged_models.picture_files import read_picture
from edged_models.pictures.labelled import LabelledPicture, Task, no_boxes, no_classes

RUNTIMES = ("litert", "tflite")
_WHOLE_PICTURE = (0.0, 0.0, 1.0, 1.0)


class PictureAnswer(Struct, frozen=True, kw_only=True):
    """One class or one detection.

    Attributes:
        label: name of the class.
        class_id: number of the class in the model.
        score: 0..1.
        box: [x1, y1, x2, y2] in fractions of the picture; of a class, the whole picture.
    """

    label: str
    class_id: int
    score: float
    box: tuple[float, float, float, float]


class ImageRun(Struct, frozen=True, kw_only=True):
    """The answers of a model for a picture on one runtime.

    Attributes:
        runtime: name and version.
        is_classifier: true if the answers are the best classes, whatever their scores, and false if they are detections.
        answers: best first.
        error: reason why this runtime cannot run the model; None if it can.
    """

    runtime: str
    is_classifier: bool = False
    answers: tuple[PictureAnswer, ...] = ()
    error: str | None = None


def run_on_image(
    model: Path,
    image: Path,
    *,
    runtimes: Sequence[str],
    min_score: float,
    top: int,
    labels_file: Path | None,
) -> tuple[ImageRun, ...]:
    """Run a model on a picture, on several runtimes.

    Args:
        model: a .tflite file.
        image: a picture file.
        runtimes: names of the runtimes.
        min_score: lowest score of a detection.
        top: number of a classifier's best classes.
        labels_file: class names, one a line; None for those in the model file.

    Raises:
        PicturesError: the picture cannot be read.
        EdgedError: no runtime can run the model; the reason is the first one's.
    """
    picture = LabelledPicture(
        name=str(image), image=read_picture(image), boxes=no_boxes(), classes=no_classes()
    )
    runs, errors = [], []
    for runtime in runtimes:
        try:
            with EvaluatedModel(model, runtime=runtime, labels_file=labels_file) as opened:
                runs.append(_run(opened, picture, min_score=min_score, top=top))
        except EdgedError as error:
            errors.append(error)
            runs.append(ImageRun(runtime=runtime, error=str(error)))
    if len(errors) == len(runs):
        raise errors[0]
    return tuple(runs)


def _run(
    model: EvaluatedModel, picture: LabelledPicture, *, min_score: float, top: int
) -> ImageRun:
    is_classifier = model.task is Task.CLASSIFICATION
    answers = (
        _list_classes(model, picture, top)
        if is_classifier
        else _list_detections(model, picture, min_score)
    )
    return ImageRun(
        runtime=model.loaded_model.interpreter.runtime,
        is_classifier=is_classifier,
        answers=tuple(answers),
    )


def _list_classes(model: EvaluatedModel, picture: LabelledPicture, top: int) -> list[PictureAnswer]:
    scores = np.clip(model.classify(picture), 0.0, 1.0)
    return [
        PictureAnswer(
            label=model.loaded_model.label_of(class_id),
            class_id=class_id,
            score=float(scores[class_id]),
            box=_WHOLE_PICTURE,
        )
        for class_id in np.argsort(-scores, kind="stable")[:top].tolist()
    ]


def _list_detections(
    model: EvaluatedModel, picture: LabelledPicture, min_score: float
) -> list[PictureAnswer]:
    found, _ = model.detect(picture, min_score=min_score)
    rows = zip(found.class_ids.tolist(), found.scores.tolist(), found.boxes.tolist(), strict=True)
    return [
        PictureAnswer(
            label=model.loaded_model.label_of(class_id),
            class_id=class_id,
            score=score,
            box=(box[0], box[1], box[2], box[3]),
        )
        for class_id, score, box in rows
    ]
