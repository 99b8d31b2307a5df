"""The data.yaml of the YOLO format: the names of the classes, and where the pictures of each part are.

Its paths are relative to `path`, or without it to its own folder. Two habits of exporters are known here:

- Roboflow writes ``../train/images`` into a file that lies beside ``train``. What begins with ``../`` is therefore first looked for
  inside, and outside only in a set none of whose parts is inside; the folder beside may belong to another set.
- Ultralytics' own sets have a `path` that is the name of the folder in which the file itself lies. One that does not exist counts as
  that folder.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from edged.text import TextError, read_text
from edged_models.errors import PicturesError
from edged_models.picture_files import is_there
from edged_models.pictures.parts import PARTS

_SUFFIXES = (".yaml", ".yml")
_UPWARDS = "../"
_KEY_POINT_SHAPE = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class DataFile:
    """A data.yaml.

    Attributes:
        path: the file.
        names: the class names by number.
        root: the folder to which its paths are relative.
        parts: the paths of each part, as they are written; a part without any is left out.
        may_lie_outside: whether a path that begins with ``../`` may be meant literally.
        key_point_numbers: how many numbers the key points of an object have; 0 if it does not say.
    """

    path: Path
    names: dict[int, str]
    root: Path
    parts: dict[str, tuple[str, ...]]
    may_lie_outside: bool
    key_point_numbers: int

    def find_source(self, written: str) -> Path | None:
        """Return the folder, list or picture at a path of this file; None if there is none."""
        inside = self.root / _strip_upwards(written)
        if is_there(inside):
            return inside
        literal = self.root / written
        may_be_meant = self.may_lie_outside or not written.startswith(_UPWARDS)
        return literal if may_be_meant and is_there(literal) else None


def find_data_file(path: Path) -> DataFile | None:
    """Read the data.yaml: the path itself, or one in the folder or above it, where a part has its own folder.

    Raises:
        PicturesError: it cannot be read, or has no names of classes.
    """
    if path.suffix.lower() in _SUFFIXES and path.is_file():
        return _read_data_file(path)
    for candidate in _list_candidates(path):
        if candidate.is_file():
            return _read_data_file(candidate)
    if (path / "labels").is_dir():
        above = [p for p in _list_candidates(path.resolve().parent) if p.is_file()]
        data = _read_data_file(above[0]) if above else None
        return data if data and _names_folder(data, path.resolve()) else None
    return None


def _list_candidates(folder: Path) -> list[Path]:
    return [folder / f"data{suffix}" for suffix in _SUFFIXES]


def _names_folder(data: DataFile, folder: Path) -> bool:
    sources = [data.find_source(written) for paths in data.parts.values() for written in paths]
    resolved = [source.resolve() for source in sources if source]
    return any(folder in (source, *source.parents) for source in resolved)


def _read_data_file(path: Path) -> DataFile:
    content = _load(path)
    parts = {part: _to_paths(content.get(part), path, part) for part in PARTS}
    named = {part: paths for part, paths in parts.items() if paths}
    root = _find_root(content, path)
    relative = [written for paths in named.values() for written in paths]
    is_inside = [is_there(root / _strip_upwards(written)) for written in relative]
    return DataFile(
        path=path,
        names=_parse_names(content, path),
        root=root,
        parts=named,
        may_lie_outside=not any(is_inside) and "roboflow" not in content,
        key_point_numbers=_parse_key_points(content, path),
    )


def _load(path: Path) -> dict[str, Any]:
    try:
        content = yaml.safe_load(read_text(path))
    except OSError as error:
        raise PicturesError(f"cannot read {path}: {error.strerror or error}") from error
    except (yaml.YAMLError, TextError, ValueError, RecursionError) as error:
        raise PicturesError(f"{path} is not YAML: {' '.join(str(error).split())}") from error
    if not isinstance(content, dict):
        raise PicturesError(f"{path} has no `names` of classes")
    return content


def _find_root(content: dict[str, Any], path: Path) -> Path:
    written = content.get("path")
    if written is not None and not isinstance(written, str):
        raise PicturesError(f"{path}: `path` is not the path of a folder")
    root = path.parent / (written or "")
    return root if is_there(root) and root.is_dir() else path.parent


def _parse_names(content: dict[str, Any], path: Path) -> dict[int, str]:
    names = content.get("names")
    by_id = dict(enumerate(names)) if isinstance(names, list) else names
    if not isinstance(by_id, dict) or not by_id:
        raise PicturesError(f"{path} has no `names` of classes, as a list or by number")
    if not all(isinstance(key, int) and key >= 0 for key in by_id):
        raise PicturesError(f"{path}: `names` are not numbered from 0")
    # Lists within lists, each repeated by an alias, would be a text of any length.
    if not all(isinstance(name, str | int | float) for name in by_id.values()):
        raise PicturesError(f"{path}: `names` are not texts")
    return {key: str(name) for key, name in by_id.items()}


def _to_paths(value: object, path: Path, part: str) -> tuple[str, ...]:
    listed = value if isinstance(value, list) else [value]
    written = [one for one in listed if one is not None and one != ""]
    paths = [one for one in written if isinstance(one, str)]
    if len(paths) < len(written):
        raise PicturesError(f"{path}: `{part}` is not a path or a list of paths")
    return tuple(dict.fromkeys(paths))


def _parse_key_points(content: dict[str, Any], path: Path) -> int:
    shape = content.get("kpt_shape")
    if shape is None:
        return 0
    is_shape = isinstance(shape, list) and len(shape) == _KEY_POINT_SHAPE
    if not is_shape or not all(isinstance(n, int) and n > 0 for n in shape):
        raise PicturesError(f"{path}: `kpt_shape` is not a number of points and 2 or 3")
    return int(shape[0] * shape[1])


def _strip_upwards(written: str) -> str:
    while written.startswith(_UPWARDS):
        written = written.removeprefix(_UPWARDS)
    return written
