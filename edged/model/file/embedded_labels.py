"""The labels among the files in the zip that is appended to a model.

They are searched in this order: the files that the metadata declares as labels (types TENSOR_AXIS_LABELS and TENSOR_VALUE_LABELS), as
Google's task library does; files with "label" in their name; the class names in Ultralytics' metadata; the only text file.
"""

import ast
import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath
from zipfile import ZipFile

from edged.model.file.label_documents import labels_from_value
from edged.model.file.labels import parse_labels
from edged.text import TextError, decode_text

_MAX_BYTES = 1 << 20
_NAME_RANKS = {"labelmap.txt": 0, "labels.txt": 1}
_LABEL_SUFFIXES = (".txt", ".pbtxt", ".names", ".json", ".yaml", ".yml", ".csv", ".tsv")
_TEXT_SUFFIXES = (".txt", ".pbtxt", ".names")
_ULTRALYTICS_FILES = ("metadata.json", "temp_meta.txt")
_OTHER_TEXTS = ("readme", "licen", "notice", "copying", "change", "vocab", "requirement", "author")
"""Beginnings of the names of text files that are no label lists."""


@dataclass(frozen=True, slots=True, kw_only=True)
class EmbeddedLabels:
    """The labels in a model file.

    Attributes:
        labels: by index; empty if there are none.
        file: the file that they are from; "" if none was taken.
        fault: why that file cannot be read; "" if it can.
        is_guessed: the file was taken because there is no other text file.
    """

    labels: tuple[str, ...] = ()
    file: str = ""
    fault: str = ""
    is_guessed: bool = False


def read_embedded_labels(
    archive: ZipFile, declared: Sequence[str] = (), other: Iterable[str] = ()
) -> EmbeddedLabels:
    """Read the labels in a model's zip; a list that cannot be read is a fault in the result.

    Args:
        archive: the zip.
        declared: files that the metadata declares as labels, the preferred one first.
        other: files that the metadata declares as something else.
    """
    files = archive.namelist()
    present = [name for name in declared if name in files]
    named = present or sorted(filter(_has_label_name, files), key=_rank_name)
    if named:
        return _read_file(archive, named[0], is_guessed=False)
    file = next((name for name in _ULTRALYTICS_FILES if name in files), "")
    try:
        names = read_ultralytics_metadata(archive).get("names")
        if isinstance(names, dict | list):
            return EmbeddedLabels(labels=labels_from_value(names), file=file)
    except ValueError as error:
        return EmbeddedLabels(file=file, fault=f"{file}: {error}")
    texts = [name for name in files if _may_be_label_list(name) and name not in set(other)]
    return _read_file(archive, texts[0], is_guessed=True) if len(texts) == 1 else EmbeddedLabels()


def read_ultralytics_metadata(archive: ZipFile) -> dict[str, object]:
    """Return the metadata that Ultralytics' exporter appends to a model; empty if there is none.

    Raises:
        ValueError: the metadata cannot be read.
    """
    names = archive.namelist()
    try:
        if "metadata.json" in names:
            metadata = json.loads(_unpack_text(archive, "metadata.json"))
        elif "temp_meta.txt" in names:
            metadata = ast.literal_eval(_unpack_text(archive, "temp_meta.txt"))
        else:
            return {}
    except (SyntaxError, RecursionError, MemoryError) as error:
        raise ValueError(f"it cannot be read: {error}") from error
    return metadata if isinstance(metadata, dict) else {}


def _read_file(archive: ZipFile, name: str, *, is_guessed: bool) -> EmbeddedLabels:
    try:
        labels = parse_labels(_unpack_text(archive, name))
    except ValueError as error:
        # A file that nothing declares need not be a label list.
        return (
            EmbeddedLabels() if is_guessed else EmbeddedLabels(file=name, fault=f"{name}: {error}")
        )
    if not any(labels):
        return EmbeddedLabels()
    return EmbeddedLabels(labels=labels, file=name, is_guessed=is_guessed)


def _unpack_text(archive: ZipFile, name: str) -> str:
    """Return one text file of a zip. Its size is limited, because a few bytes can unpack to gigabytes.

    Raises:
        ValueError: the file is too large, encrypted, or compressed in an unknown way.
    """
    try:
        with archive.open(name) as file:
            content = file.read(_MAX_BYTES + 1)
    except (RuntimeError, NotImplementedError) as error:
        raise ValueError(f"its embedded file {name!r} cannot be unpacked: {error}") from error
    if len(content) > _MAX_BYTES:
        raise ValueError(f"its embedded file {name!r} is larger than {_MAX_BYTES} bytes")
    try:
        return decode_text(content)
    except TextError:
        return content.decode("utf-8", "replace")


def _has_label_name(file: str) -> bool:
    name = PurePosixPath(file).name.lower()
    return "label" in name and name.endswith(_LABEL_SUFFIXES)


def _rank_name(file: str) -> tuple[int, int]:
    name = PurePosixPath(file).name.lower()
    return _NAME_RANKS.get(name, len(_NAME_RANKS)), not name.endswith(_TEXT_SUFFIXES)


def _may_be_label_list(file: str) -> bool:
    name = PurePosixPath(file).name.lower()
    is_text = name.endswith(_TEXT_SUFFIXES) and name not in _ULTRALYTICS_FILES
    return is_text and not name.startswith(_OTHER_TEXTS)
