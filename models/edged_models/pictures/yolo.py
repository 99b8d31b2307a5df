"""Pictures labelled in the YOLO format: ``images/`` and ``labels/`` side by side, one text file for each picture, names in ``data.yaml``.

A line is ``class x y width height`` (x and y of the centre, all normalised to the picture) or ``class x1 y1 x2 y2 x3 y3 ...``, the
corners of an outline, which is reduced to its bounding box. A picture without a text file has no objects.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from math import isfinite
from pathlib import Path
from typing import Any

import yaml

from edged.text import TextError, read_text
from edged_models.errors import PicturesError
from edged_models.picture_files import list_picture_files
from edged_models.pictures.class_names import map_class_ids
from edged_models.pictures.files import FilePictures, build_entry

_SPLITS = ("train", "val", "test")
_SUFFIXES = (".yaml", ".yml")
_BOX_NUMBERS = 5
_MIN_OUTLINE_NUMBERS = 7
_MAX_OVERHANG = 0.01
"""By how much a box may reach over the border, as a fraction of the picture: some exporters round up."""
_Box = tuple[float, float, float, float]


@dataclass(frozen=True, slots=True)
class _YoloRow:
    class_id: int
    box: _Box


def try_open(spec: str, labels: tuple[str, ...] | None) -> FilePictures | None:
    """Open a YOLO folder or its data.yaml, with ``:train``, ``:val`` or ``:test`` one split of it; return None if the path is neither.

    Raises:
        PicturesError: the data.yaml, a label file or a folder of pictures is missing or wrong, or the names do not fit `labels`.
    """
    path, split = _split_spec(spec)
    data_file = _find_data_file(path)
    if data_file is None and not (path / "images").is_dir() & (path / "labels").is_dir():
        return None
    content = _read_data_file(data_file) if data_file else {}
    names = _parse_names(content, data_file) if data_file else {}
    folder = path if path.is_dir() else path.parent
    folders = _find_picture_folders(folder, split, content)
    pictures = [picture for part in folders for picture in list_picture_files(part)]
    rows = [list(_read_rows(_label_file(picture), names)) for picture in pictures]
    used = {row.class_id for listed in rows for row in listed}
    if not names:
        names = dict(enumerate(labels or (f"class-{i}" for i in range(max(used, default=-1) + 1))))
        _check_known(used, names, path)
    wanted, index_of = map_class_ids(names, labels, used=used, set_name=spec)
    entries = [
        build_entry(picture, [row.box for row in listed], [index_of[r.class_id] for r in listed])
        for picture, listed in zip(pictures, rows, strict=True)
    ]
    return FilePictures(spec, wanted, entries)


def _split_spec(spec: str) -> tuple[Path, str | None]:
    before, _, after = spec.rpartition(":")
    return (Path(before), after) if before and after in _SPLITS else (Path(spec), None)


def _find_data_file(path: Path) -> Path | None:
    """Return the data.yaml: the path itself, or one in the folder or above it, where a split has its own folder."""
    if path.suffix.lower() in _SUFFIXES and path.is_file():
        return path
    above = path.resolve().parent if (path / "labels").is_dir() else path
    candidates = [folder / f"data{suffix}" for folder in (path, above) for suffix in _SUFFIXES]
    return next((p for p in candidates if p.is_file()), None)


def _read_data_file(path: Path) -> dict[str, Any]:
    try:
        content = yaml.safe_load(read_text(path))
    except OSError as error:
        raise PicturesError(f"cannot read {path}: {error.strerror or error}") from error
    except (yaml.YAMLError, TextError) as error:
        raise PicturesError(f"{path} is not YAML: {' '.join(str(error).split())}") from error
    if not isinstance(content, dict):
        raise PicturesError(f"{path} has no `names` of classes")
    return content


def _parse_names(content: dict[str, Any], path: Path) -> dict[int, str]:
    names = content.get("names")
    by_id = dict(enumerate(names)) if isinstance(names, list) else names
    if not isinstance(by_id, dict) or not by_id:
        raise PicturesError(f"{path} has no `names` of classes, as a list or by number")
    if not all(isinstance(key, int) and key >= 0 for key in by_id):
        raise PicturesError(f"{path}: `names` are not numbered from 0")
    return {key: str(name) for key, name in by_id.items()}


def _find_picture_folders(folder: Path, split: str | None, content: dict[str, Any]) -> list[Path]:
    if not split and (folder / "images").is_dir():
        return [folder / "images"]
    wanted = (split,) if split else _SPLITS
    named = [name for part in wanted for name in _to_list(content.get(part))]
    if not named:
        missing = "folder `images`, and its data.yaml names none of train, val and test"
        raise PicturesError(f"{folder} has no {f'`{split}`' if split else missing}")
    base = folder / str(content.get("path") or "")
    return [_find_picture_folder(folder, base, name) for name in dict.fromkeys(named)]


def _find_picture_folder(folder: Path, base: Path, name: str) -> Path:
    # Relative to `path`, to the folder, or (as one exporter writes it) one level too high.
    for candidate in (base / name, folder / name, folder / name.removeprefix("../")):
        if candidate.is_dir():
            return candidate
    raise PicturesError(f"{folder}: its data.yaml names a folder that does not exist: {name}")


def _to_list(value: object) -> list[str]:
    return [str(v) for v in (value if isinstance(value, list) else [value]) if v]


def _label_file(picture: Path) -> Path:
    """Return ``.../labels/a/b.txt`` for ``.../images/a/b.jpg``; the file beside the picture where no folder is called ``images``."""
    parts = list(picture.parts)
    if "images" in parts[:-1]:
        parts[len(parts) - 1 - parts[::-1].index("images")] = "labels"
    return Path(*parts).with_suffix(".txt")


def _read_rows(path: Path, names: dict[int, str]) -> Iterator[_YoloRow]:
    try:
        lines = read_text(path).splitlines()
    except FileNotFoundError:
        return
    except (OSError, TextError) as error:
        raise PicturesError(f"cannot read the labels {path}: {error}") from error
    for number, line in enumerate(lines, 1):
        if line.strip():
            row = _parse_row(line, f"{path}, line {number}")
            if names:
                _check_known({row.class_id}, names, f"{path}, line {number}")
            yield row


def _parse_row(line: str, location: str) -> _YoloRow:
    words = line.split()
    shown = repr(line.strip()[:60])
    try:
        class_id, numbers = int(words[0]), [float(word) for word in words[1:]]
    except ValueError:
        raise PicturesError(f"{location}: {shown} is not a class id and numbers") from None
    is_outline = len(words) >= _MIN_OUTLINE_NUMBERS and len(words) % 2
    if len(words) != _BOX_NUMBERS and not is_outline:
        raise PicturesError(f"{location}: {len(words)} numbers are neither a box nor an outline")
    if class_id < 0 or not all(
        isfinite(v) and -_MAX_OVERHANG <= v <= 1 + _MAX_OVERHANG for v in numbers
    ):
        raise PicturesError(f"{location}: {shown} is not normalised to the picture (0 to 1)")
    return _YoloRow(class_id, _enclose(numbers) if is_outline else _to_corners(numbers))


def _enclose(outline: list[float]) -> _Box:
    xs, ys = outline[::2], outline[1::2]
    return min(xs), min(ys), max(xs), max(ys)


def _to_corners(box: list[float]) -> _Box:
    x, y, width, height = box
    return x - width / 2, y - height / 2, x + width / 2, y + height / 2


def _check_known(used: set[int], names: dict[int, str], location: object) -> None:
    unknown = used - set(names)
    if unknown:
        raise PicturesError(
            f"{location}: there is no class {min(unknown)}, only {len(names)} names"
        )
