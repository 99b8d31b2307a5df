"""Pictures labelled in the YOLO format: ``images/`` and ``labels/`` side by side, one text file for each picture, names in ``data.yaml``.

An empty text file says that nothing is in the picture. A picture without one may have been forgotten, and is left out.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator
from pathlib import Path

from edged.text import TextError, read_text
from edged_models.errors import PicturesError
from edged_models.picture_files import is_file, list_picture_files
from edged_models.pictures.data_yaml import DataFile, find_data_file
from edged_models.pictures.files import FilePictures
from edged_models.pictures.labelled_files import build_set
from edged_models.pictures.parts import PARTS, split_spec
from edged_models.pictures.problems import (
    PictureProblem,
    ProblemKind,
    describe_problem,
)
from edged_models.pictures.unread_labels import find_unread_labels
from edged_models.pictures.written_boxes import WrittenLabels
from edged_models.pictures.yolo_rows import YoloRow, may_be_key_points, parse_row

_SHOWN = 3


def try_open(spec: str, labels: tuple[str, ...] | None) -> FilePictures | None:
    """Open a YOLO folder or its data.yaml, with ``:train``, ``:val`` or ``:test`` one part of it; return None if the path is neither.

    Raises:
        PicturesError: the data.yaml is wrong, a part or all labels are missing, or the names do not fit `labels`.
    """
    path, part = split_spec(spec)
    data = find_data_file(path)
    if data is None and not ((path / "images").is_dir() and (path / "labels").is_dir()):
        return None
    problems: list[PictureProblem] = []
    folder = path if path.is_dir() else path.parent
    pictures = list(_find_pictures(folder, part, data, problems))
    label_files = {picture: _find_label_file(picture) for picture in pictures}
    problems += _find_shared(pictures, label_files)
    read = set(label_files.values())
    problems += find_unread_labels("YOLO", pictures, read, {file.parent for file in read})
    problems += _find_orphans(read, pictures) if part is None else ()
    return _build(spec, label_files, data, labels, problems)


def _build(
    spec: str,
    label_files: dict[Path, Path],
    data: DataFile | None,
    labels: tuple[str, ...] | None,
    problems: list[PictureProblem],
) -> FilePictures:
    rows = {
        picture: list(_read_rows(file, picture, data, problems))
        for picture, file in label_files.items()
        if file.is_file()
    }
    listed = [row for of_picture in rows.values() for row in of_picture]
    problems += _find_key_points(spec, data, listed)
    unlabelled = [picture for picture in label_files if picture not in rows]
    problems += [_describe_unlabelled(picture, label_files[picture]) for picture in unlabelled]
    names = data.names if data else _number_names(listed, labels, spec)
    written = [WrittenLabels(one, [row.box for row in listed]) for one, listed in rows.items()]
    return build_set(spec, written, names, labels, problems=problems, left_out=len(unlabelled))


def _find_key_points(
    spec: str, data: DataFile | None, rows: list[YoloRow]
) -> Iterator[PictureProblem]:
    if data and data.key_point_numbers:
        yield describe_problem(ProblemKind.KEY_POINTS, f"{data.path}: its key points are not used")
    elif may_be_key_points(rows):
        yield describe_problem(
            ProblemKind.KEY_POINTS,
            f"{spec}: its outlines may be boxes with key points: all have the same length, and each is within the box of its first"
            " four numbers; if they are, state their number as `kpt_shape` in data.yaml",
        )


def _find_pictures(
    folder: Path, part: str | None, data: DataFile | None, problems: list[PictureProblem]
) -> Iterator[Path]:
    if not part and (folder / "images").is_dir():
        yield from list_picture_files(folder / "images")
        return
    parts = data.parts if data else {}
    named = {one: parts[one] for one in ((part,) if part else PARTS) if one in parts}
    if not data or not named:
        missing = "folder `images`, and its data.yaml names none of train, val and test"
        raise PicturesError(f"{folder} has no {f'`{part}`' if part else missing}")
    found: dict[Path, None] = {}
    for one, paths in named.items():
        for written in paths:
            source = data.find_source(written)
            if source:
                found.update(dict.fromkeys(_list_source(source, data, problems)))
            else:
                problems.append(_describe_missing_part(folder, one, written, part))
    yield from found


def _describe_missing_part(
    folder: Path, part: str, written: str, wanted_part: str | None
) -> PictureProblem:
    message = f"{folder}: its data.yaml names `{part}` as {written}, which is not there: was this part not exported?"
    remedy = "" if wanted_part else f" To use the others, name them, as in {folder}:train"
    return describe_problem(ProblemKind.MISSING_PART, f"{message}{remedy}")


def _list_source(source: Path, data: DataFile, problems: list[PictureProblem]) -> Iterator[Path]:
    """Yield the pictures of a folder, or of a text file that lists them."""
    if source.is_dir():
        yield from list_picture_files(source)
        return
    try:
        lines = read_text(source).splitlines()
    except (OSError, TextError) as error:
        raise PicturesError(f"cannot read the list of pictures {source}: {error}") from error
    for number, line in enumerate(lines, 1):
        written = line.strip()
        candidates = (source.parent / written, data.root / written)
        found = next((path for path in candidates if written and is_file(path)), None)
        if found:
            yield Path(*found.parts)
        elif written:
            message = f"{source}, line {number}: there is no picture {written[:200]}"
            problems.append(describe_problem(ProblemKind.MISSING, message))


def _find_label_file(picture: Path) -> Path:
    """Return ``.../labels/a/b.txt`` for ``.../images/a/b.jpg``; the file beside the picture if that does not exist."""
    parts = list(picture.parts)
    beside = picture.with_suffix(".txt")
    if "images" not in parts[:-1]:
        return beside
    parts[len(parts) - 1 - parts[::-1].index("images")] = "labels"
    file = Path(*parts).with_suffix(".txt")
    return beside if beside.is_file() and not file.is_file() else file


def _find_shared(
    pictures: Iterable[Path], label_files: dict[Path, Path]
) -> Iterator[PictureProblem]:
    by_file = defaultdict[Path, list[Path]](list)
    for picture in pictures:
        by_file[label_files[picture]].append(picture)
    for file, sharing in by_file.items():
        if len(sharing) > 1:
            names = " and ".join(picture.name for picture in sharing)
            message = f"{file} has the labels of {names}: rename one of them, or remove it"
            yield describe_problem(ProblemKind.SHARED_LABELS, message, *sharing)


def _find_orphans(read: set[Path], pictures: Iterable[Path]) -> Iterator[PictureProblem]:
    stems = {picture.stem for picture in pictures}
    for folder in sorted({file.parent for file in read}):
        if "labels" in folder.parts and folder.is_dir():
            orphans = [p.name for p in sorted(folder.glob("*.txt")) if p.stem not in stems]
            orphans = [name for name in orphans if name != "classes.txt"]
            if orphans:
                shown = ", ".join(orphans[:_SHOWN])
                yield describe_problem(
                    ProblemKind.UNREAD_LABELS,
                    f"{folder} has {len(orphans)} label files of which there is no picture ({shown})",
                )


def _describe_unlabelled(picture: Path, file: Path) -> PictureProblem:
    return describe_problem(
        ProblemKind.UNLABELLED,
        f"{picture} has no labels, and is left out: if nothing is in it, write an empty {file}",
        picture,
    )


def _read_rows(
    file: Path, picture: Path, data: DataFile | None, problems: list[PictureProblem]
) -> Iterator[YoloRow]:
    try:
        lines = read_text(file).splitlines()
    except (OSError, TextError) as error:
        message = f"cannot read the labels {file}: {error}"
        problems.append(describe_problem(ProblemKind.WRONG_LABEL, message, picture))
        return
    points = data.key_point_numbers if data else 0
    for number, line in enumerate(lines, 1):
        place = f"{file}, line {number}"
        try:
            if line.strip():
                row = parse_row(line, place, key_point_numbers=points)
                _check_known(row, data.names if data else None, place)
                yield row
        except PicturesError as error:
            problems.append(describe_problem(ProblemKind.WRONG_LABEL, str(error), picture))


def _check_known(row: YoloRow, names: dict[int, str] | None, place: object) -> None:
    class_id = row.box.class_id
    if names is not None and class_id not in names:
        raise PicturesError(f"{place}: there is no class {class_id}, only {len(names)} names")


def _number_names(
    rows: Iterable[YoloRow], labels: tuple[str, ...] | None, spec: str
) -> dict[int, str]:
    count = max((row.box.class_id for row in rows), default=-1) + 1
    names = dict(enumerate(labels or (f"class-{i}" for i in range(count))))
    for row in rows:
        _check_known(row, names, spec)
    return names
