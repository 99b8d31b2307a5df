"""Label lists: text files, and files in the zip that is appended to a model."""

import ast
import json
import re
from zipfile import ZipFile

_NUMBERED = re.compile(r"\s*(\d+)[\s:]+(\S.*)")
_MAX_BYTES = 1 << 20
_MAX_LABELS = 100_000


def parse_labels(text: str) -> tuple[str, ...]:
    """Parse a label file: one label per line, or ``<class id> <label>`` on every line, as in Coral's files.

    Returns:
        The labels by class id; "" for a class without one.

    Raises:
        ValueError: a class id is too large.
    """
    lines = [line.strip() for line in text.splitlines()]
    while lines and not lines[-1]:
        lines.pop()
    numbered = [_NUMBERED.fullmatch(line) for line in lines if line]
    pairs = {int(match[1]): match[2].strip() for match in numbered if match}
    if not pairs or not all(numbered):
        return tuple(lines)
    return _labels_by_id(pairs)


def read_zip_labels(archive: ZipFile) -> tuple[str, ...]:
    """Return the labels among the files appended to a model; empty if there are none.

    They are searched in this order: ``labelmap.txt``, ``labels.txt``, any other text file with "label" in its name, then the class names in
    Ultralytics' ``metadata.json`` or ``temp_meta.txt`` (a Python literal).

    Raises:
        ValueError: the file with the labels is too large or cannot be read.
    """
    names = archive.namelist()
    texts = [name for name in names if name.endswith(".txt") and "label" in name.lower()]
    ranks = {"labelmap.txt": 0, "labels.txt": 1}
    for name in sorted(texts, key=lambda name: ranks.get(name, 2)):
        return parse_labels(read_text(archive, name))
    classes = read_ultralytics_metadata(archive).get("names")
    if isinstance(classes, dict):
        return _labels_by_id({int(key): str(label) for key, label in classes.items()})
    if isinstance(classes, list):
        return tuple(str(label) for label in classes)
    return ()


def read_ultralytics_metadata(archive: ZipFile) -> dict[str, object]:
    """Return the metadata that Ultralytics' exporter appends to a model; empty if there is none.

    Raises:
        ValueError: the metadata cannot be read.
    """
    names = archive.namelist()
    try:
        if "metadata.json" in names:
            metadata = json.loads(read_text(archive, "metadata.json"))
        elif "temp_meta.txt" in names:
            metadata = ast.literal_eval(read_text(archive, "temp_meta.txt"))
        else:
            return {}
    except (SyntaxError, RecursionError, MemoryError) as error:
        raise ValueError(f"its embedded metadata cannot be read: {error}") from error
    return metadata if isinstance(metadata, dict) else {}


def read_text(archive: ZipFile, name: str) -> str:
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
    return content.decode("utf-8", "replace")


def _labels_by_id(pairs: dict[int, str]) -> tuple[str, ...]:
    highest, lowest = max(pairs, default=-1), min(pairs, default=0)
    if highest >= _MAX_LABELS or lowest < 0:
        raise ValueError(
            f"its class ids are {lowest} to {highest}; 0 to {_MAX_LABELS - 1} are allowed"
        )
    return tuple(pairs.get(index, "") for index in range(highest + 1))
