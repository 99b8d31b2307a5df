"""Pictures for classification: a folder with one subfolder of pictures for each class, named for the class."""

from pathlib import Path

from edged_models.picture_files import find_picture_files
from edged_models.pictures.class_names import map_class_ids
from edged_models.pictures.files import FilePictures, build_entry
from edged_models.pictures.labelled import Task
from edged_models.pictures.labelled_files import find_similar_names
from edged_models.pictures.parts import PART_FOLDERS
from edged_models.pictures.unread_labels import find_unread_labels

_MIN_CLASSES = 2
_WHOLE_PICTURE = (0.0, 0.0, 1.0, 1.0)


def try_open(spec: str, labels: tuple[str, ...] | None) -> FilePictures | None:
    """Open a folder whose pictures all are in two or more direct subfolders, the classes; return None for any other path.

    Raises:
        PicturesError: a class is not among `labels`.
    """
    path = Path(spec)
    classes = _list_classes(path)
    if len(classes) < _MIN_CLASSES:
        return None
    names = dict(enumerate(folder.name for folder in classes))
    wanted, index_of = map_class_ids(names, labels, used=names, set_name=spec)
    entries = [
        build_entry(picture, [_WHOLE_PICTURE], [index_of[class_id]])
        for class_id, folder in enumerate(classes)
        for picture in _list_pictures(folder)
    ]
    problems = find_similar_names(spec, names)
    problems += find_unread_labels("classes", [one.path for one in entries], set(), [path])
    return FilePictures(spec, wanted, entries, task=Task.CLASSIFICATION, problems=problems)


def _list_classes(path: Path) -> list[Path]:
    """Return the subfolders, sorted by name; none if a picture lies beside them or deeper in them, or if they are parts of a set."""
    if not path.is_dir() or _list_pictures(path):
        return []
    folders = sorted(folder for folder in path.iterdir() if folder.is_dir())
    if any(child.is_dir() for folder in folders for child in folder.iterdir()):
        return []
    classes = [folder for folder in folders if _list_pictures(folder)]
    are_parts = {folder.name for folder in classes} <= PART_FOLDERS
    return [] if are_parts else classes


def _list_pictures(folder: Path) -> list[Path]:
    return find_picture_files(folder, with_subfolders=False)
