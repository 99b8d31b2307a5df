"""A clip with a file of ground truth beside it: ``clip.mp4`` and ``clip.tsv``.

Each line of the ground truth has three columns, separated by tabs: the frame number, the number of objects, and a list of the objects.
An object is ``(score, [y1, x1, y2, x2])``, normalised to the picture, with its label as an optional third item. Frames without a line
are not used. A clip without ground truth gives all its frames, without objects.
"""

import ast
from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from math import isfinite
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edged.text import TextError, read_text
from edged_models.errors import PicturesError
from edged_models.pictures.class_names import map_class_ids
from edged_models.pictures.clip_frames import ClipFrames
from edged_models.pictures.files import build_entry
from edged_models.pictures.labelled import LabelledPicture, Task

_SUFFIXES = frozenset({".avi", ".m4v", ".mjpeg", ".mkv", ".mov", ".mp4", ".webm"})
_DEFAULT_LABEL = "object"
_COLUMNS = 3


@dataclass(frozen=True, slots=True)
class _FrameTruth:
    """The objects in one frame.

    Attributes:
        frame: its number, from 0.
        boxes: [x1, y1, x2, y2] each, normalised to the picture.
        labels: a class name for each box.
    """

    frame: int
    boxes: list[tuple[float, float, float, float]]
    labels: list[str]


class ClipPictures:
    """A `PictureSet` of a clip's frames; iterating over it decodes the clip once."""

    task = Task.DETECTION

    def __init__(
        self, path: Path, name: str, labels: tuple[str, ...], truths: Sequence[_FrameTruth]
    ) -> None:
        self.name = name
        self.labels = labels
        self._path = path
        self._truths = truths
        self._frames = ClipFrames(path)

    def __len__(self) -> int:
        return len(self._truths)

    def __getitem__(self, index: int) -> LabelledPicture:
        truth = self._truths[index]
        return self._label(truth, self._frames.read(truth.frame))

    def __iter__(self) -> Iterator[LabelledPicture]:
        images = self._frames.iterate([truth.frame for truth in self._truths])
        with closing(images):
            for truth, image in zip(self._truths, images, strict=False):
                yield self._label(truth, image)

    def _label(self, truth: _FrameTruth, image: NDArray[np.uint8]) -> LabelledPicture:
        name = f"{self._path}, frame {truth.frame}"
        classes = [self.labels.index(label) for label in truth.labels]
        clipped = build_entry(self._path, truth.boxes, classes)
        return LabelledPicture(name=name, image=image, boxes=clipped.boxes, classes=clipped.classes)


def try_open(spec: str, labels: tuple[str, ...] | None) -> ClipPictures | None:
    """Open a video file, with ``:LABEL`` the label of its unlabelled boxes; return None if the path is not a video file.

    Raises:
        PicturesError: the video or its ground truth cannot be read, or does not fit `labels`.
    """
    before, _, after = spec.rpartition(":")
    path, label = (Path(spec), None) if Path(spec).exists() or not before else (Path(before), after)
    if path.suffix.lower() not in _SUFFIXES or not path.is_file():
        return None
    table = path.with_suffix(".tsv")
    if not table.is_file():
        frames = [_FrameTruth(number, [], []) for number in range(_count_frames(path))]
        return ClipPictures(path, spec, labels or (), frames)
    only = labels[0] if labels and len(labels) == 1 else _DEFAULT_LABEL
    frames = _read_truth(table, label or only)
    wanted, renamed = _rename_labels(frames, labels, set_name=str(table))
    return ClipPictures(path, spec, wanted, renamed)


def _rename_labels(
    frames: list[_FrameTruth], labels: tuple[str, ...] | None, *, set_name: str
) -> tuple[tuple[str, ...], list[_FrameTruth]]:
    """Return the wanted labels, and the frames with these names."""
    names = dict(enumerate(dict.fromkeys(name for truth in frames for name in truth.labels)))
    wanted, index_of = map_class_ids(names, labels, used=names, set_name=set_name)
    own = {names[i]: wanted[index] for i, index in index_of.items()}
    return wanted, [_FrameTruth(t.frame, t.boxes, [own[name] for name in t.labels]) for t in frames]


def _count_frames(path: Path) -> int:
    count = ClipFrames(path).count
    if count <= 0:
        raise PicturesError(f"{path} does not state its number of frames: write it anew")
    return count


def _read_truth(table: Path, default_label: str) -> list[_FrameTruth]:
    try:
        lines = read_text(table).splitlines()
    except (OSError, TextError) as error:
        raise PicturesError(f"cannot read {table}: {error}") from error
    frames: list[_FrameTruth] = []
    for number, line in enumerate(lines, 1):
        try:
            truth = _parse_line(line, default_label)
        except (ValueError, SyntaxError, TypeError, MemoryError, RecursionError) as error:
            raise PicturesError(
                f"{table}, line {number}: expected FRAME, COUNT and a list of (score, [y1, x1, y2, x2]), separated by tabs "
                f"({error})"
            ) from None
        if frames and truth.frame <= frames[-1].frame:
            raise PicturesError(f"{table}, line {number}: frame {truth.frame} is out of order")
        frames.append(truth)
    if not frames:
        raise PicturesError(f"{table} is empty")
    return frames


def _parse_line(line: str, default_label: str) -> _FrameTruth:
    columns = line.split("\t")
    if len(columns) != _COLUMNS:
        raise ValueError(f"it has {len(columns)} columns")
    objects = ast.literal_eval(columns[2])
    if len(objects) != int(columns[1]):
        raise ValueError(f"it counts {columns[1]} objects and lists {len(objects)}")
    boxes = [_parse_box(item[1]) for item in objects]
    labels = [str(item[2]) if len(item) > 2 else default_label for item in objects]  # noqa: PLR2004 - the third item
    frame = int(columns[0])
    if frame < 0:
        raise ValueError("the frame number is negative")
    return _FrameTruth(frame, boxes, labels)


def _parse_box(sides: Any) -> tuple[float, float, float, float]:
    y1, x1, y2, x2 = (float(side) for side in sides)
    if not all(isfinite(side) for side in (y1, x1, y2, x2)) or y2 < y1 or x2 < x1:
        raise ValueError(f"{sides} is not a box")
    return x1, y1, x2, y2
