"""Files beside the pictures that look like labels, and are not read."""

from collections import defaultdict
from collections.abc import Iterable, Iterator
from collections.abc import Set as AbstractSet
from pathlib import Path

from edged_models.pictures.problems import PictureProblem, ProblemKind, describe_problem

_SUFFIXES = frozenset({".txt", ".xml", ".json"})
_LABEL_FOLDERS = ("labels", "Labels", "annotations", "Annotations")
_SHOWN = 3


def find_unread_labels(
    form: str, pictures: Iterable[Path], read: AbstractSet[Path], folders: Iterable[Path]
) -> Iterator[PictureProblem]:
    """Yield a problem for each folder and suffix of files that are named like pictures, and are not read.

    Args:
        form: name of the format in which the set is read.
        pictures: the pictures of the set.
        read: the files of labels that were read.
        folders: folders of the set, beside those of the pictures.
    """
    pictures = list(pictures)
    stems = {picture.stem for picture in pictures}
    for folder in sorted(_list_folders(pictures, folders)):
        by_suffix = defaultdict[str, list[str]](list)
        for path in sorted(folder.iterdir()):
            suffix = path.suffix.lower()
            is_label = path.stem in stems or (suffix == ".xml" and folder.name in _LABEL_FOLDERS)
            if suffix in _SUFFIXES and is_label and path not in read and path.is_file():
                by_suffix[suffix].append(path.name)
        for suffix, names in by_suffix.items():
            shown = ", ".join(names[:_SHOWN]) + (", ..." if len(names) > _SHOWN else "")
            yield describe_problem(
                ProblemKind.UNREAD_LABELS,
                f"{folder} has {len(names)} {suffix} files that are not read ({shown}): the pictures are read as {form}",
            )


def _list_folders(pictures: Iterable[Path], folders: Iterable[Path]) -> set[Path]:
    found = {picture.parent for picture in pictures}
    found.update(folders)
    beside = {base / name for one in found for base in (one, one.parent) for name in _LABEL_FOLDERS}
    return {folder for folder in found | beside if folder.is_dir()}
