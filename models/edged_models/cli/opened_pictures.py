"""Opening a set of pictures for a command: what is left out is listed on standard error."""

import sys
from functools import partial

from edged.terminal.escape import one_line
from edged_models.console import track_progress
from edged_models.pictures.files import FilePictures
from edged_models.pictures.labelled import PictureSet
from edged_models.pictures.open_pictures import open_pictures

_MAX_LINES = 20


def open_for_command(
    spec: str, *, labels: tuple[str, ...] | None = None, skip_bad: bool = False
) -> PictureSet:
    """Open a set of pictures, and say on standard error which pictures are not used and why.

    Args:
        spec: as for `open_pictures`.
        labels: as for `open_pictures`.
        skip_bad: value of ``--skip-bad``.

    Raises:
        PicturesError: as for `open_pictures`.
    """
    track = partial(track_progress, description="checking pictures")
    pictures = open_pictures(spec, labels=labels, skip_bad=skip_bad, track=track)
    if isinstance(pictures, FilePictures):
        _print_left_out(pictures, spec)
    return pictures


def _print_left_out(pictures: FilePictures, spec: str) -> None:
    messages = [one.message for one in pictures.problems if one.pictures]
    for message in messages[:_MAX_LINES]:
        print(f"not used: {one_line(message)}", file=sys.stderr)
    if len(messages) > _MAX_LINES:
        more = len(messages) - _MAX_LINES
        print(
            f"not used: {more} more; see: edged-models pictures {one_line(spec)}", file=sys.stderr
        )
