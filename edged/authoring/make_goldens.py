"""Makes goldens from pictures and the model's own detections in them.

Such goldens show whether the model gives the same results on a device as here, and not whether the results are correct.
`edged-models goldens` makes better ones: it knows the ground truth of the pictures, and compares the runtimes.
"""

import hashlib
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path

import cv2
import numpy as np

import edged
from edged.config.settings import ModelSettings
from edged.errors import ConfigError, PictureError
from edged.model.goldens import ExpectedDetection, Golden, Goldens, Tolerances, write_goldens
from edged.pictures.decode import read_picture
from edged.selftest.messages import ReportedDetection, SelfTestRequest
from edged.selftest.process import SelfTestProcess
from edged.updates.bundle.golden_rules import (
    CLASSIFICATION,
    MIN_EMPTY_GOLDENS,
    MIN_GOLDEN_CLASSES,
    MIN_GOLDENS,
)

MIN_SCORE = 0.5
TOLERANCES = Tolerances(min_iou=0.75, max_score_difference=0.12)
"""Wide, because the differences between the runtimes on this model are not known here."""

_MAX_NONEMPTY, _MAX_EMPTY = 12, 4
_MAX_DETECTIONS = 100
_MAX_SIDE_PX = 640
_TIMEOUT_S = 60.0

ProgressCallback = Callable[[str, float], None]
"""Receives a text on the current step, and the fraction 0..1 that is done."""
PictureCallback = Callable[[Path, tuple[ReportedDetection, ...]], None]
"""Receives each picture that becomes a golden, and the model's detections in it."""
_PictureResult = tuple[Path, bytes, tuple[ReportedDetection, ...]]
"""A picture's file, the picture as PNG, and the model's detections in it."""
_FamilyResult = tuple[str, _PictureResult]
"""The family of the model, and its result for one picture."""


def make_goldens(
    settings: ModelSettings,
    pictures: Path,
    scratch: Path,
    *,
    model_sha256: str,
    on_progress: ProgressCallback,
    on_picture: PictureCallback,
) -> dict[str, bytes]:
    """Run the model on pictures, in a sandboxed process, until there are enough goldens.

    Args:
        settings: the settings of the model.
        pictures: a folder; files that are no pictures are skipped.
        scratch: a folder for a temporary file.
        model_sha256: sha256 of the model file.
        on_progress: receives a text on the current step, and the fraction 0..1 that is done.
        on_picture: receives each picture that was chosen.

    Returns:
        The contents of ``goldens.json`` and its pictures, by name.

    Raises:
        ConfigError: the folder cannot be read, has too few pictures, or the model detects objects in all of them or in none.
        ModelError: the model cannot be run.
    """
    with SelfTestProcess() as process:
        results = _run_on_pictures(
            process, settings, _list_pictures(pictures), scratch, on_progress
        )
        family, selected = _select_pictures(results)
    if family == CLASSIFICATION:
        _check_classes(pictures, selected)
    else:
        _check_selection(pictures, selected)
    for source, _, detections in selected:
        on_picture(source, detections)
    return _write_goldens(selected, model_sha256)


def _write_goldens(selected: Sequence[_PictureResult], model_sha256: str) -> dict[str, bytes]:
    files = {f"{number:02}.png": png for number, (_, png, _) in enumerate(selected, 1)}
    goldens = Goldens(
        schema=1,
        model_sha256=model_sha256,
        made_by=f"edged {edged.__version__}",
        min_score=MIN_SCORE,
        tolerances=TOLERANCES,
        goldens=tuple(
            _make_golden(name, png, detections)
            for name, (_, png, detections) in zip(files, selected, strict=True)
        ),
    )
    return {"goldens.json": write_goldens(goldens), **files}


def _list_pictures(folder: Path) -> list[Path]:
    try:
        return sorted(path for path in folder.iterdir() if path.is_file())
    except OSError as error:
        raise ConfigError(f"cannot read the pictures in {folder}: {error.strerror}") from error


def _run_on_pictures(
    self_test: SelfTestProcess,
    settings: ModelSettings,
    sources: Sequence[Path],
    scratch: Path,
    on_progress: ProgressCallback,
) -> Iterator[_FamilyResult]:
    # One path for all pictures, because the sandboxed process can read no other.
    picture = scratch / "picture.png"
    for index, source in enumerate(sources):
        on_progress(f"running the model on {source.name}", index / len(sources))
        try:
            png = _encode_png(source)
        except PictureError as error:
            on_progress(f"skipping a file: {error}", index / len(sources))
            continue
        picture.write_bytes(png)
        request = SelfTestRequest(
            settings=settings, image=picture, min_score=MIN_SCORE, max_invocations=1
        )
        report = self_test.run(request, timeout_s=_TIMEOUT_S)
        yield report.family, (source, png, report.detections)


def _encode_png(source: Path) -> bytes:
    """Return a picture as PNG, reduced to `_MAX_SIDE_PX`.

    Raises:
        PictureError: the file is no picture, or too large.
    """
    pixels = read_picture(source)
    height, width = pixels.shape[:2]
    scale = _MAX_SIDE_PX / max(height, width)
    if scale < 1:
        size = (max(1, round(width * scale)), max(1, round(height * scale)))
        pixels = np.asarray(cv2.resize(pixels, size, interpolation=cv2.INTER_AREA), np.uint8)
    return cv2.imencode(".png", pixels, [cv2.IMWRITE_PNG_COMPRESSION, 9])[1].tobytes()


def _select_pictures(results: Iterable[_FamilyResult]) -> tuple[str, list[_PictureResult]]:
    """Return the model's family, and the first pictures with detections and without; the model is run on no more than needed.

    Of a classifier's pictures no more than half have the same class.
    """
    remaining = {True: _MAX_NONEMPTY, False: _MAX_EMPTY}
    by_class: Counter[str] = Counter()
    selected, family = [], ""
    for family, (source, png, detections) in results:
        label = detections[0].label if detections and family == CLASSIFICATION else ""
        is_surplus = bool(label) and by_class[label] >= _MAX_NONEMPTY // 2
        if remaining[bool(detections)] and len(detections) <= _MAX_DETECTIONS and not is_surplus:
            remaining[bool(detections)] -= 1
            by_class[label] += 1
            selected.append((source, png, detections))
        needs_empty = family != CLASSIFICATION and remaining[False]
        if not remaining[True] and not needs_empty:
            break
    return family, selected


def _check_classes(pictures: Path, selected: Sequence[_PictureResult]) -> None:
    answers = {detections[0].label if detections else "" for *_, detections in selected}
    if len(selected) < MIN_GOLDENS or len(answers) < MIN_GOLDEN_CLASSES:
        raise ConfigError(
            f"{pictures}: the goldens of a classifier need {MIN_GOLDENS} pictures with {MIN_GOLDEN_CLASSES} different answers, and at most "
            f"{_MAX_NONEMPTY // 2} of one class are taken; usable are {len(selected)} with {len(answers)} different answers: add pictures"
        )


def _check_selection(pictures: Path, selected: Sequence[_PictureResult]) -> None:
    empty = sum(not detections for _, _, detections in selected)
    if len(selected) < MIN_GOLDENS or empty < MIN_EMPTY_GOLDENS or empty == len(selected):
        raise ConfigError(
            f"{pictures}: goldens need {MIN_GOLDENS} pictures: at least {MIN_EMPTY_GOLDENS} without detections, and some with detections; "
            f"usable are {empty} without and {len(selected) - empty} with detections: add pictures"
        )


def _make_golden(name: str, png: bytes, detections: Sequence[ReportedDetection]) -> Golden:
    return Golden(
        picture=name,
        sha256=hashlib.sha256(png).hexdigest(),
        kind="easy" if detections else "empty",
        detections=tuple(
            ExpectedDetection(label=one.label, class_id=one.class_id, score=one.score, box=one.box)
            for one in detections
        ),
    )
