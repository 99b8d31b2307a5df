"""The files of a set in the Pascal VOC format: which XML file has the labels of which picture."""

from collections import defaultdict
from collections.abc import Iterable, Iterator
from pathlib import Path

from edged.cameras.clips import PICTURE_SUFFIXES
from edged.text import TextError, read_text
from edged_models.errors import PicturesError
from edged_models.picture_files import find_picture_files
from edged_models.pictures.parts import find_part_folders
from edged_models.pictures.problems import PictureProblem, ProblemKind, describe_problem
from edged_models.pictures.voc_xml import is_annotation

_PICTURE_FOLDERS = ("JPEGImages", "images")
_LABEL_FOLDERS = ("Annotations", "annotations")
_LIST_FOLDER = Path("ImageSets", "Main")

VocFiles = dict[Path, tuple[Path, ...]]
"""The pictures whose labels each XML file has, or would have if it existed; it should be one."""


def find_voc_files(spec: str, problems: list[PictureProblem]) -> VocFiles:
    """Return the files of a folder with ``Annotations`` and pictures, or of pictures with XML files beside them; none for others.

    Args:
        spec: the folder, with ``:NAME`` the pictures that ImageSets/Main/NAME.txt lists, or the part in a folder of its own.
        problems: takes what does not fit together.

    Raises:
        PicturesError: there is no such list, or there are several parts.
    """
    files = _find_in_folders(spec) or _find_beside(spec)
    problems += _find_problems(files)
    return files


def _find_in_folders(spec: str) -> VocFiles:
    path, listed = Path(spec), ""
    if not path.exists() and ":" in spec:
        before, _, listed = spec.rpartition(":")
        path = Path(before)
    label_folders = [path / name for name in _LABEL_FOLDERS if _has_xml(path / name)]
    folders = [path / name for name in _PICTURE_FOLDERS if (path / name).is_dir()]
    if not label_folders or not folders:
        return {}
    annotations = label_folders[0]
    pictures = _group_by_stem(find_picture_files(folders[0]))
    stems = {*pictures, *(file.stem for file in annotations.glob("*.xml"))}
    wanted = _read_list(path, listed) if listed else sorted(stems)
    return {annotations / f"{stem}.xml": tuple(pictures.get(stem, ())) for stem in wanted}


def _has_xml(folder: Path) -> bool:
    return folder.is_dir() and any(folder.glob("*.xml"))


def _read_list(path: Path, name: str) -> list[str]:
    file = path / _LIST_FOLDER / f"{name}.txt"
    try:
        lines = read_text(file).splitlines()
    except FileNotFoundError:
        known = ", ".join(sorted(one.stem for one in file.parent.glob("*.txt")))
        raise PicturesError(f"there is no {file}; lists: {known or 'none'}") from None
    except (OSError, TextError) as error:
        raise PicturesError(f"cannot read the list of pictures {file}: {error}") from error
    # A list for one class has 1 or -1 behind each name.
    return list(dict.fromkeys(line.split()[0] for line in lines if line.strip()))


def _find_beside(spec: str) -> VocFiles:
    path = Path(spec)
    folders = [path] if path.is_dir() and _has_labels_beside(path) else []
    folders = folders or [one for one in find_part_folders(spec) if _has_labels_beside(one)]
    if len(folders) > 1:
        names = ", ".join(str(folder) for folder in folders)
        raise PicturesError(f"{spec} has several parts: name one of {names}")
    return _list_beside(folders[0]) if folders else {}


def _has_labels_beside(folder: Path) -> bool:
    return any(is_annotation(file) for file in _list_beside(folder) if file.is_file())


def _list_beside(folder: Path) -> VocFiles:
    pictures = _group_by_stem(one for one in find_picture_files(folder, with_subfolders=False))
    return {folder / f"{stem}.xml": tuple(sharing) for stem, sharing in sorted(pictures.items())}


def _group_by_stem(pictures: Iterable[Path]) -> dict[str, list[Path]]:
    by_stem = defaultdict[str, list[Path]](list)
    for picture in pictures:
        by_stem[picture.stem].append(picture)
    return dict(by_stem)


def _find_problems(files: VocFiles) -> Iterator[PictureProblem]:
    for file, pictures in files.items():
        if not pictures:
            message = (
                f"{file}: there is no picture of this name ({', '.join(sorted(PICTURE_SUFFIXES))})"
            )
            yield describe_problem(ProblemKind.MISSING, message)
        elif not file.is_file():
            message = f"{pictures[0]} has no labels, and is left out: if nothing is in it, write {file} without objects"
            yield describe_problem(ProblemKind.UNLABELLED, message, *pictures)
        elif len(pictures) > 1:
            names = " and ".join(picture.name for picture in pictures)
            message = f"{file} has the labels of {names}: rename one of them, or remove it"
            yield describe_problem(ProblemKind.SHARED_LABELS, message, *pictures)
