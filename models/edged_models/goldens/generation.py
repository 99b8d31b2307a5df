"""Generation of a model's goldens from a set of pictures."""

from collections.abc import Callable, Iterable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

import cv2

from edged.errors import EdgedError
from edged.model.goldens import SCHEMA, Golden, Goldens, write_goldens
from edged_models.errors import ToolError
from edged_models.evaluation.evaluated_model import EvaluatedModel
from edged_models.evaluation.label_mapping import map_labels
from edged_models.evaluation.run import check_task
from edged_models.goldens.candidates import CandidateEvaluator, shrink_picture
from edged_models.goldens.class_candidates import ClassCandidateEvaluator
from edged_models.goldens.folder import GOLDENS_FILE
from edged_models.goldens.reference import ReferenceKernels
from edged_models.goldens.selection import (
    SelectedCandidate,
    derive_tolerances,
    select_class_goldens,
    select_goldens,
)
from edged_models.pictures.labelled import LabelledPicture, PictureSet, Task


@dataclass(frozen=True, slots=True, kw_only=True)
class GeneratedGoldens:
    """Goldens, and how they were generated.

    Attributes:
        goldens: the expected detections and tolerances.
        files: the folder's files by name, including ``goldens.json``.
        runtimes: name and version of each runtime that was compared with the reference kernels.
        runtime_errors: for each runtime that was not compared, the reason.
        unusable_pictures: number of pictures that could not be used.
    """

    goldens: Goldens
    files: dict[str, bytes]
    runtimes: tuple[str, ...]
    runtime_errors: tuple[str, ...]
    unusable_pictures: int


def make_goldens(
    model: Path,
    pictures: PictureSet,
    *,
    count: int = 8,
    min_score: float = 0.5,
    labels_file: Path | None = None,
    track: Callable[[Iterable[LabelledPicture]], Iterable[LabelledPicture]] = iter,
) -> GeneratedGoldens:
    """Evaluate all pictures as candidates, select some, and measure how far the runtimes differ.

    Args:
        model: a .tflite file.
        pictures: the set; for a detector with at least two pictures without objects, for a classifier of two classes or more.
        count: number of goldens.
        min_score: lowest score of an expected detection.
        labels_file: class names, one a line; None for those in the model file.
        track: called with the pictures, for a progress bar.

    Raises:
        PicturesError: a picture cannot be read, or too few are usable.
        SourceError: the pictures' labels are not of the model's kind.
        EdgedError: litert rejects the model, or it fails on a picture.
    """
    with ExitStack() as stack:
        opened = _open_runtimes(stack, model, labels_file)
        evaluate = _build_evaluator(opened, pictures, min_score)
        evaluated = [evaluate(index, picture) for index, picture in enumerate(track(pictures))]
    usable = [candidate for candidate in evaluated if candidate]
    is_classifier = opened.reference.task is Task.CLASSIFICATION
    select = select_class_goldens if is_classifier else select_goldens
    files, goldens = _encode_goldens(pictures, select(usable, count))
    content = Goldens(
        schema=SCHEMA,
        model_sha256=opened.reference.sha256,
        made_by=opened.reference.loaded_model.interpreter.runtime,
        min_score=min_score,
        tolerances=derive_tolerances(usable),
        goldens=goldens,
    )
    return GeneratedGoldens(
        goldens=content,
        files={**files, GOLDENS_FILE: write_goldens(content)},
        runtimes=tuple(one.loaded_model.interpreter.runtime for one in opened.runtimes),
        runtime_errors=opened.errors,
        unusable_pictures=len(evaluated) - len(usable),
    )


@dataclass(frozen=True, slots=True)
class _OpenedRuntimes:
    reference: EvaluatedModel
    runtimes: list[EvaluatedModel]
    errors: tuple[str, ...]


def _build_evaluator(
    opened: _OpenedRuntimes, pictures: PictureSet, min_score: float
) -> CandidateEvaluator | ClassCandidateEvaluator:
    reference, labels = opened.reference, pictures.labels
    if labels:
        check_task([reference], pictures)
    if reference.task is Task.DETECTION:
        return CandidateEvaluator(
            reference, opened.runtimes, min_score=min_score, is_labelled=bool(labels)
        )
    mapping = map_labels(reference.labels, labels, model_name=reference.path) if labels else None
    return ClassCandidateEvaluator(reference, opened.runtimes, min_score=min_score, mapping=mapping)


def _open_runtimes(stack: ExitStack, path: Path, labels_file: Path | None) -> _OpenedRuntimes:
    litert = stack.enter_context(EvaluatedModel(path, runtime="litert", labels_file=labels_file))
    fast = litert.loaded_model.interpreter
    reference = litert.with_interpreter(ReferenceKernels(path, fast.signature, fast.runtime))
    try:
        tflite = stack.enter_context(
            EvaluatedModel(path, runtime="tflite", labels_file=labels_file)
        )
    except EdgedError as error:
        return _OpenedRuntimes(reference, [litert], (str(error),))
    return _OpenedRuntimes(reference, [litert, tflite], ())


def _encode_goldens(
    pictures: PictureSet, selected: Sequence[SelectedCandidate]
) -> tuple[dict[str, bytes], tuple[Golden, ...]]:
    """Return the PNG files by name, and the entry for each."""
    files, goldens = {}, []
    for number, selection in enumerate(selected, 1):
        png = _encode_png(pictures[selection.candidate.index])
        name = f"{number:02}-{selection.kind}.png"
        golden = Golden(
            picture=name,
            sha256=sha256(png).hexdigest(),
            kind=selection.kind,
            detections=selection.candidate.expected,
        )
        files[name] = png
        goldens.append(golden)
    return files, tuple(goldens)


def _encode_png(picture: LabelledPicture) -> bytes:
    bgr = cv2.cvtColor(shrink_picture(picture).image, cv2.COLOR_RGB2BGR)
    encodes, png = cv2.imencode(".png", bgr, [cv2.IMWRITE_PNG_COMPRESSION, 9])
    if not encodes:
        raise ToolError(f"{picture.name} cannot be encoded as PNG")
    return png.tobytes()
