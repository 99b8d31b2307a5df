"""A folder of pictures without labels, or a single picture."""

from pathlib import Path

from edged.cameras.clips import PICTURE_SUFFIXES
from edged_models.errors import PicturesError
from edged_models.picture_files import list_picture_files
from edged_models.pictures.files import FilePictures, build_entry
from edged_models.pictures.unread_labels import find_unread_labels


def try_open(spec: str, labels: tuple[str, ...] | None) -> FilePictures | None:
    """Open a folder of pictures, or one picture; return None if the path is neither.

    Raises:
        PicturesError: the path does not exist, or the folder holds no pictures.
    """
    path = Path(spec)
    if path.is_dir():
        paths = list_picture_files(path)
    elif path.suffix.lower() in PICTURE_SUFFIXES and path.is_file():
        paths = [path]
    elif not path.exists():
        raise PicturesError(f"there are no pictures at {spec}: no such file or folder")
    else:
        return None
    problems = find_unread_labels("pictures without labels", paths, set(), [])
    entries = [build_entry(p, [], []) for p in paths]
    return FilePictures(spec, labels or (), entries, problems=tuple(problems))
