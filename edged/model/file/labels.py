"""Label lists, in the forms in which they come: text files, and the files in the zip that is appended to a model."""

import ast
import json
import re
from zipfile import ZipFile

_NUMBERED = re.compile(r"\s*(\d+)[\s:]+(\S.*)")
_MAX_BYTES = 1 << 20
_MAX_LABELS = 100_000


def parse_labels(text: str) -> tuple[str, ...]:
    """Read a label file: one label a line, or ``<class id> <label>`` on every line, as Coral's files have it.

    Returns:
        The labels by class id; "" where a class has none.
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
    """The labels among the files appended to a model; () if there are none.

    In this order: ``labelmap.txt``, ``labels.txt``, any other text file with "label" in its name, then the class names in
    Ultralytics' ``metadata.json`` or ``temp_meta.txt`` (a Python literal).

    Raises:
        ValueError: the file that should have them is too large or cannot be read.
    """
    names = archive.namelist()
    texts = [name for name in names if name.endswith(".txt") and "label" in name.lower()]
    ranks = {"labelmap.txt": 0, "labels.txt": 1}
    for name in sorted(texts, key=lambda name: ranks.get(name, 2)):
        return parse_labels(read_text(archive, name))
    names_of = read_ultralytics_metadata(archive).get("names")
    if isinstance(names_of, dict):
        return _labels_by_id({int(key): str(label) for key, label in names_of.items()})
    if isinstance(names_of, list):
        return tuple(str(label) for label in names_of)
    return ()


def read_ultralytics_metadata(archive: ZipFile) -> dict[str, object]:
    """What Ultralytics' exporter notes beside a model; {} if it was not the exporter.

    Raises:
        ValueError: the note cannot be read.
    """
    names = archive.namelist()
    try:
        if "metadata.json" in names:
            notes = json.loads(read_text(archive, "metadata.json"))
        elif "temp_meta.txt" in names:
            notes = ast.literal_eval(read_text(archive, "temp_meta.txt"))
        else:
            return {}
    except (SyntaxError, RecursionError, MemoryError) as error:
        raise ValueError(f"its embedded notes cannot be read: {error}") from error
    return notes if isinstance(notes, dict) else {}


def read_text(archive: ZipFile, name: str) -> str:
    """One text file of a zip, bounded, because a few bytes can unpack to gigabytes.

    Raises:
        ValueError: it is too large, or encrypted, or packed in an unknown way.
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
    most = max(pairs, default=-1)
    if most >= _MAX_LABELS or min(pairs, default=0) < 0:
        raise ValueError(f"a class id of {most} cannot be right")
    return tuple(pairs.get(index, "") for index in range(most + 1))
