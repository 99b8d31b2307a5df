"""Makes the goldens of a model from a set of pictures."""

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
from edged_models.goldens.candidates import CandidateEvaluator, shrink_picture
from edged_models.goldens.folder import GOLDENS_FILE
from edged_models.goldens.reference import ReferenceKernels
from edged_models.goldens.selection import SelectedCandidate, derive_tolerances, select_goldens
from edged_models.pictures.labelled import LabelledPicture, PictureSet


@dataclass(frozen=True, slots=True, kw_only=True)
class GeneratedGoldens:
    """Goldens, and how they came about.

    Attributes:
        goldens: what is expected.
        files: the folder's content by name, ``goldens.json`` among it.
        runtimes: name and version of those that were compared with the reference.
        runtime_errors: why a runtime was not.
        unusable_pictures: how many of the pictures could not be used.
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
    """Look at all pictures, choose some, and find out how far the runtimes are apart.

    Args:
        model: a .tflite.
        pictures: at least two without anything in them.
        count: of goldens.
        min_score: of an expected detection.
        labels_file: names of the model's classes, one a line; what its file carries if None.
        track: sees the pictures pass by.

    Raises:
        PicturesError: a picture cannot be read, or too few are fit.
        EdgedError: the model was refused by litert, is no detector, or failed on a picture.
    """
    with ExitStack() as stack:
        reference, others, refusals = _open_runtimes(stack, model, labels_file)
        scout = CandidateEvaluator(
            reference, others, min_score=min_score, is_labelled=bool(pictures.labels)
        )
        looked = [scout(index, picture) for index, picture in enumerate(track(pictures))]
    fit = [one for one in looked if one]
    choices = select_goldens(fit, count)
    encoded = [_encode_png(pictures[choice.candidate.index]) for choice in choices]
    goldens = Goldens(
        schema=SCHEMA,
        model_sha256=reference.sha256,
        made_by=reference.loaded_model.interpreter.runtime,
        min_score=min_score,
        tolerances=derive_tolerances(fit),
        goldens=tuple(_build_goldens(choices, encoded)),
    )
    files = {golden.picture: png for golden, png in zip(goldens.goldens, encoded, strict=True)}
    return GeneratedGoldens(
        goldens=goldens,
        files={**files, GOLDENS_FILE: write_goldens(goldens)},
        runtimes=tuple(other.loaded_model.interpreter.runtime for other in others),
        runtime_errors=refusals,
        unusable_pictures=len(looked) - len(fit),
    )


def _open_runtimes(
    stack: ExitStack, path: Path, labels_file: Path | None
) -> tuple[EvaluatedModel, list[EvaluatedModel], tuple[str, ...]]:
    """The model on the reference kernels, on each runtime that takes it, and why one does not."""
    litert = stack.enter_context(EvaluatedModel(path, runtime="litert", labels_file=labels_file))
    fast = litert.loaded_model.interpreter
    reference = litert.with_interpreter(ReferenceKernels(path, fast.signature, fast.runtime))
    try:
        tflite = stack.enter_context(EvaluatedModel(path, runtime="tflite"))
    except EdgedError as error:
        return reference, [litert], (str(error),)
    return reference, [litert, tflite], ()


def _build_goldens(selected: Sequence[SelectedCandidate], encoded: Sequence[bytes]) -> list[Golden]:
    return [
        Golden(
            picture=f"{number:02}-{choice.kind}.png",
            sha256=sha256(png).hexdigest(),
            kind=choice.kind,
            detections=choice.candidate.expected,
        )
        for number, (choice, png) in enumerate(zip(selected, encoded, strict=True), 1)
    ]


def _encode_png(picture: LabelledPicture) -> bytes:
    bgr = cv2.cvtColor(shrink_picture(picture).image, cv2.COLOR_RGB2BGR)
    good, encoded = cv2.imencode(".png", bgr, [cv2.IMWRITE_PNG_COMPRESSION, 9])
    if not good:
        raise ToolError(f"{picture.name} cannot be written as PNG")
    return encoded.tobytes()
