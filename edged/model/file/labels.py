"""Label lists in the forms in which people keep them: lines, tables, label maps, JSON and YAML."""

from pathlib import Path

from edged.errors import ModelError
from edged.model.file.label_documents import is_document, parse_document
from edged.model.file.label_lines import parse_lines
from edged.model.file.label_list import LabelError
from edged.model.file.label_map import is_label_map, parse_label_map
from edged.model.file.label_yaml import is_assignment, is_yaml, parse_assignment, parse_yaml
from edged.text import decode_text

_MAX_BYTES = 1 << 20
_MAX_LINES = 100_000
_INVISIBLE = str.maketrans("", "", "\ufeff\u200b")
"""Byte order marks of files that were put together, and spaces without width: they are no part of a name."""
_END_OF_FILE = "\x1a"
"""MS-DOS' sign at the end of a text file."""
_NOT_AVAILABLE = "n/a"


def parse_labels(text: str) -> tuple[str, ...]:
    """Parse a label list of any form; its content shows which.

    Returns:
        The labels by class id; "" for a class without one.

    Raises:
        LabelError: the form is unknown, or the list can be read in more than one way.
    """
    text = text.replace("\r\n", "\n").replace("\r", "\n").translate(_INVISIBLE)
    text = text.rstrip(_END_OF_FILE)
    _check_text(text)
    labels = _parse(text)
    return tuple("???" if label.lower() == _NOT_AVAILABLE else label for label in labels)


def _parse(text: str) -> tuple[str, ...]:
    if is_label_map(text):
        return parse_label_map(text)
    if is_document(text):
        return parse_document(text)
    if is_assignment(text):
        return parse_assignment(text)
    if is_yaml(text):
        return parse_yaml(text)
    return parse_lines(text)


def _check_text(text: str) -> None:
    if "\0" in text:
        line = text.count("\n", 0, text.index("\0")) + 1
        raise LabelError("not text: save the file as UTF-8", line=line)
    if text.count("\n") > _MAX_LINES:
        raise LabelError(f"more than {_MAX_LINES} lines, which no list of labels has")


def read_label_file(path: Path) -> tuple[str, ...]:
    """Read a label file; see `parse_labels`.

    Raises:
        ModelError: the file cannot be read, is no label list, or has no label.
    """
    try:
        with path.open("rb") as file:
            content = file.read(_MAX_BYTES + 1)
        if len(content) > _MAX_BYTES:
            raise LabelError(f"larger than {_MAX_BYTES} bytes, which no list of labels is")
        labels = parse_labels(decode_text(content))
    except OSError as error:
        raise ModelError(f"cannot read the labels {path}: {error.strerror or error}") from error
    except ValueError as error:
        raise ModelError(f"cannot read the labels {path}: {error}") from error
    if not any(labels):
        raise ModelError(f"{path} has no labels: write one name on each line")
    return labels
