"""A folder of pictures that nobody has labelled, or a single picture: nothing is known to be in them."""

from pathlib import Path

from edged.cameras.clips import PICTURE_SUFFIXES
from edged_models.errors import PicturesError
from edged_models.pictures.files import FilePictures, build_entry, list_picture_files


def try_open(spec: str, labels: tuple[str, ...] | None) -> FilePictures | None:
    """The path of a folder, or of a picture."""
    path = Path(spec)
    if path.is_dir():
        paths = list_picture_files(path)
    elif path.suffix.lower() in PICTURE_SUFFIXES and path.is_file():
        paths = [path]
    elif not path.exists():
        raise PicturesError(f"there are no pictures at {spec}: no such file or folder")
    else:
        return None
    return FilePictures(spec, labels or (), [build_entry(p, [], []) for p in paths])
