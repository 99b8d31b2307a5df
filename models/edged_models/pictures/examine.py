"""Reading all pictures of a set once: its report, its digest, what its pictures are compared by, and a copy as a COCO folder."""

from collections.abc import Iterator
from dataclasses import dataclass

from edged_models.pictures.digest import digest_pictures
from edged_models.pictures.export import CocoWriter
from edged_models.pictures.files import FilePictures
from edged_models.pictures.labelled import LabelledPicture, PictureSet
from edged_models.pictures.problems import (
    PictureProblem,
    ProblemKind,
    describe_problem,
    select_errors,
)
from edged_models.pictures.set_report import SetCounter, SetReport
from edged_models.pictures.similarity import Fingerprint, compute_fingerprint, find_repeated
from edged_models.pictures.unusable import PictureTracker, read_usable


@dataclass(frozen=True, slots=True)
class ExaminedSet:
    """A set whose pictures were all read.

    Attributes:
        report: its report.
        fingerprints: those of its pictures that could be read, in order.
    """

    report: SetReport
    fingerprints: list[Fingerprint]


def examine(
    pictures: PictureSet,
    *,
    skip_bad: bool = False,
    writer: CocoWriter | None = None,
    track: PictureTracker = iter,
) -> ExaminedSet:
    """Read all pictures of a set.

    Args:
        pictures: the set.
        skip_bad: whether the digest is that of the pictures that can be used; without it, there is none if one cannot be used.
        writer: takes the pictures that can be used.
        track: called with the numbers of the pictures, for a progress bar.

    Raises:
        PicturesError: a clip cannot be read.
        ToolError: the writer cannot write.
    """
    files = pictures if isinstance(pictures, FilePictures) else None
    problems = list(files.problems) if files else []
    wrong = {path for one in select_errors(problems) for path in one.pictures}
    counter = SetCounter(pictures.labels)
    fingerprints: list[Fingerprint] = []

    def pass_through() -> Iterator[LabelledPicture]:
        for number, picture in read_usable(pictures, problems, track):
            if files and files.entries[number].path in wrong:
                continue
            counter.add(picture)
            fingerprints.append(compute_fingerprint(number, picture.name, picture.image))
            if writer:
                writer.add(picture)
            yield picture

    sha256 = digest_pictures(pictures.labels, pass_through())
    has_digest = skip_bad or not select_errors(problems)
    # The frames of a clip in which nothing happens are equal, and mean nothing.
    problems += _find_repeated(fingerprints) if files else ()
    left_out = len(pictures) - len(fingerprints) + (files.left_out if files else 0)
    report = counter.build(
        pictures, problems, left_out=left_out, sha256=sha256 if has_digest else None
    )
    return ExaminedSet(report, fingerprints)


def _find_repeated(fingerprints: list[Fingerprint]) -> Iterator[PictureProblem]:
    for first, *others in find_repeated(fingerprints):
        message = f"{first} is there {len(others) + 1} times: also as {', '.join(others)}"
        yield describe_problem(ProblemKind.DUPLICATE_PICTURE, message)
