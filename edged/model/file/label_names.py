"""Lines of plain names, in the order of their classes: what belongs to the name, and which lines are no names."""

import re
from collections.abc import Sequence
from typing import NamedTuple

from edged.model.file.label_list import LabelError

_QUOTED = re.compile(r"""(["'])(.*)\1,?""")
_YAML_ITEM = re.compile(r"-\s+(\S.*)")
_YAML_FIELD = re.compile(r"-?\s*[A-Za-z_]+:(\s.*)?")
_SETTING = re.compile(r"[A-Za-z_][\w.]*\s*=\s*\S.*")
_FORMS = (
    (_YAML_ITEM, 1),
    (_QUOTED, 2),
    (re.compile(r"([^:]+):(?:\d{1,3},\d{1,3},\d{1,3})?:[^:]*:[^:]*"), 1),
    (re.compile(r"n\d{8}\s+(\S.*)"), 1),
)
"""What all names of a list may have around them, and the group of the name: YAML's hyphens, quotes, the colours of CVAT's
``labelmap.txt``, ImageNet's synset ids."""
_FOREIGN_LINES = (
    (re.compile(r"<.*"), "this is XML or HTML, no list of labels"),
    (
        re.compile(r"version https://git-lfs\..*"),
        "this is a pointer of Git LFS and not the file: fetch it with git lfs pull",
    ),
    (
        re.compile(r"(4\d\d|5\d\d):? [A-Z][A-Za-z ]+"),
        "this is the error page of a web server, no list of labels",
    ),
)
"""First lines of files that are no label lists, and what those are."""
_HEADERS = frozenset(
    {"class", "classes", "classname", "classlabel", "labels", "labelname", "names", "categories"}
)
"""Headers of a table with one column; "label" and "name" may be classes of their own."""
_MACHINE_ID = re.compile(r"/[gmt]/\w+\s*[,;\t].*")
_MIN_LISTED = 3


class TextLine(NamedTuple):
    """A line of a label file.

    Attributes:
        number: its number in the file, from 1.
        text: without the spaces around it.
    """

    number: int
    text: str


def check_first_line(lines: Sequence[TextLine]) -> None:
    """Refuse files whose first line shows that they are no label list.

    Raises:
        LabelError: the file is of another kind.
    """
    for line in lines[:1]:
        for pattern, problem in _FOREIGN_LINES:
            if pattern.fullmatch(line.text):
                raise LabelError(problem, line=line.number)


def read_names(lines: Sequence[TextLine]) -> tuple[str, ...]:
    """Return the names on the lines, "" for an empty line.

    Args:
        lines: all lines of the list.

    Raises:
        LabelError: the lines are no list of names, or could be one in two ways.
    """
    named = [line for line in lines if line.text]
    if len(named) == 1:
        return _read_only_line(named[0]) or tuple(unquote(line.text) for line in lines)
    _check_names(named)
    _check_spacing(lines)
    return unwrap_names([line.text for line in lines])


def unwrap_names(texts: Sequence[str]) -> tuple[str, ...]:
    """Return names without what all of them have around them, as quotes or a comma behind each."""
    names = [text for text in texts if text]
    if len(names) > 1 and all(name.endswith(",") for name in names[:-1]):
        texts = [text.rstrip(", ") for text in texts]
    for pattern, group in _FORMS:
        matches = [pattern.fullmatch(text) for text in texts]
        if len(names) > 1 and all(
            match or not text for match, text in zip(matches, texts, strict=True)
        ):
            texts = [match[group] if match else "" for match in matches]
    return tuple(texts)


def unquote(text: str) -> str:
    """Return a name without the quotes around it."""
    match = _QUOTED.fullmatch(text)
    return match[2] if match else text


def normalise_header(cell: str) -> str:
    """Return the title of a column in small letters and without the signs between its words, as ``classid``."""
    return re.sub(r"[\s_\-.]", "", cell.strip().strip("\"'")).lower()


def _read_only_line(line: TextLine) -> tuple[str, ...]:
    """Return the names that stand on one line between commas or semicolons; empty if it is one name."""
    if _SETTING.fullmatch(line.text):
        raise LabelError("these are settings, no list of labels", line=line.number)
    for delimiter in (";", ",", "\t"):
        names = [unquote(name.strip()) for name in line.text.rstrip(",;").split(delimiter)]
        if len(names) >= _MIN_LISTED and all(names):
            return tuple(names)
    if line.text.strip(",;").count(",") == 1 and not _QUOTED.fullmatch(line.text):
        raise LabelError(
            f'"{line.text[:40]}" can be one name or two: write one name on each line, and a name with a comma in quotes',
            line=line.number,
        )
    return ()


def _check_names(named: Sequence[TextLine]) -> None:
    if not named:
        return
    first = named[0]
    if all(_SETTING.fullmatch(line.text) for line in named):
        raise LabelError("these are settings, no list of labels", line=first.number)
    if normalise_header(first.text.strip("[]:")) in _HEADERS:
        raise LabelError(
            f'"{first.text}" can be the title of the list or its first class: remove it, or write class ids before the names',
            line=first.number,
        )
    if all(_MACHINE_ID.fullmatch(line.text) for line in named[1:]):
        raise LabelError(
            "names with the ids of Open Images are not in the order of a model's classes: use the model's own list",
            line=named[-1].number,
        )
    hyphens = [line for line in named if _YAML_ITEM.fullmatch(line.text)]
    if hyphens and all(_YAML_FIELD.fullmatch(line.text) for line in named):
        raise LabelError(
            "of YAML, only a list of names or a map by class id is read", line=hyphens[0].number
        )


def _check_spacing(lines: Sequence[TextLine]) -> None:
    named = sum(bool(line.text) for line in lines)
    if named > 2 and [bool(line.text) for line in lines] == [  # noqa: PLR2004 - two names may have a class between
        index % 2 == 0 for index in range(len(lines))
    ]:
        raise LabelError(
            "every second line is empty, and an empty line is a class without a name: remove them",
            line=lines[1].number,
        )
