"""Label lists in YAML as Ultralytics' ``data.yaml`` has them, and as lists in source code and settings.

YAML is read only where it names the classes: a list or a map of names, which needs no library on the device.
"""

import json
import re
from collections.abc import Iterator

from edged.model.file.label_documents import LIST_KEYS, labels_from_value, read_mapping
from edged.model.file.label_list import LabelError, order_labels

_YAML_KEY = re.compile(rf"(?:{'|'.join(LIST_KEYS)})\s*:(?:\s|$)")
_YAML_SCALAR = re.compile(
    r"""\s*(?:"((?:\\.|[^"\\])*)"|'((?:''|[^'])*)'|((?:(?!\s\#)[^\n])*))\s*(?:\#.*)?"""
)
_YAML_PAIR = re.compile(r"""\s*(?:"([^"]*)"|'([^']*)'|([^:'"\[\]{},]+?))\s*:(?:\s+(.*)|\s*)""")
_FLOW_ITEM = re.compile(r"""\s*((?:"(?:\\.|[^"\\])*"|'(?:''|[^'])*'|[^,"'\[\]{}])+)\s*""")
_MAX_CHARS = 1000
"""Longest entry: its pattern takes time that grows with its square."""
_COUNT = re.compile(r"nc\s*:\s*(\d+)\s*(?:#.*)?")
_ITEM_FIELD = re.compile(r"-\s+[A-Za-z_]+:(\s.*)?")
_CLOSINGS = {"[": "]", "{": "}", "(": ")"}
_COMMENT = re.compile(r"(?m)(?:^|(?<=\s))(?://|#)[^\n]*")
_ASSIGNED_NAME = re.compile(r"[A-Za-z_][\w\s*:<>,.]{0,100}(?:\[\w*\])?\s*")


def is_yaml(text: str) -> bool:
    """Return whether a text has a key of YAML that names classes, at the beginning of a line."""
    return any(_YAML_KEY.match(line) for line in text.split("\n"))


def parse_yaml(text: str) -> tuple[str, ...]:
    """Parse the names of the classes in a YAML file; of the rest only their number, `nc`, is read.

    Raises:
        LabelError: the names are not a simple list, or a simple map by class id, or are not `nc` names.
    """
    lines = text.split("\n")
    starts = [number for number, line in enumerate(lines) if _YAML_KEY.match(line)]
    if len(starts) > 1:
        keys = " and ".join(lines[number].partition(":")[0] for number in starts)
        raise LabelError(f"it has {keys}: keep one of them", line=starts[1] + 1)
    labels = _read_names(lines, starts[0])
    counts = [int(match[1]) for line in lines if (match := _COUNT.fullmatch(line.rstrip()))]
    named = sum(map(bool, labels))
    if counts and counts[0] not in (len(labels), named):
        raise LabelError(f"nc is {counts[0]}, but there are {named} names", line=starts[0] + 1)
    return labels


def is_assignment(text: str) -> bool:
    """Return whether a text is one list that is assigned to a name, as ``CLASSES = ("person", "car")``."""
    name, equals, value = _COMMENT.sub("", text).strip().partition("=")
    return bool(equals) and bool(_ASSIGNED_NAME.fullmatch(name)) and value.strip()[:1] in _CLOSINGS


def parse_assignment(text: str) -> tuple[str, ...]:
    """Parse a list in source code of Python, C or JavaScript, or in TOML.

    Raises:
        LabelError: it is no simple list of names, or there is more behind it.
    """
    value = _COMMENT.sub("", text).strip().partition("=")[2].strip().rstrip(";").rstrip()
    if value[-1:] != _CLOSINGS[value[0]] or "=" in re.sub(r"""(["']).*?\1""", "", value):
        raise LabelError("expected one list of names, as CLASSES = [...]; got source code")
    is_map = value[0] == "{" and re.search(r"""^\{\s*("[^"]*"|'[^']*'|\w+)\s*:""", value)
    return labels_from_value(_parse_flow(value if is_map else f"[{value[1:-1]}]", 1))


def _read_names(lines: list[str], start: int) -> tuple[str, ...]:
    inline = lines[start].partition(":")[2].strip()
    if inline[:1] in ("[", "{"):
        return labels_from_value(_parse_flow("\n".join([inline, *lines[start + 1 :]]), start + 1))
    if inline and not inline.startswith("#"):
        raise LabelError(f"expected a list of names, got {inline[:40]!r}", line=start + 1)
    return _read_block(list(_block_lines(lines, start + 1)), start + 1)


def _parse_flow(text: str, line: int) -> object:
    """Parse YAML's ``[a, b]`` or ``{0: a, 1: b}``, which may go over several lines."""
    opening, closing = text[0], {"[": "]", "{": "}"}[text[0]]
    body = re.sub(r"(^|\s)#[^\n]*", " ", text[1:])
    items: list[str] = []
    position = 0
    while (match := _FLOW_ITEM.match(body, position)) is not None:
        items.append(match[1].strip())
        position = match.end()
        if body[position : position + 1] != ",":
            break
        position += 1
    if body[position:].lstrip()[:1] != closing:
        raise LabelError(f"the list that begins here does not end with {closing}", line=line)
    if items and not items[-1]:
        items.pop()  # a comma behind the last name
    if not all(items):
        raise LabelError("between two commas is no name", line=line)
    if opening == "[":
        return [_scalar(item) for item in items]
    return dict(_read_pair(item, line) for item in items)


def _block_lines(lines: list[str], start: int) -> Iterator[tuple[int, str]]:
    """Yield the lines below a key, with their numbers from 1, up to the next key."""
    for number, line in enumerate(lines[start:], start + 1):
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        if line[0] not in " \t-" or line.startswith("---"):
            return
        yield number, line


def _read_block(lines: list[tuple[int, str]], start: int) -> tuple[str, ...]:
    indents = {len(line) - len(line.lstrip()) for _, line in lines}
    if len(indents) != 1:
        raise LabelError(
            "expected a list of names below this line, each indented alike", line=start
        )
    for number, line in lines:
        if _ITEM_FIELD.fullmatch(line.strip()):
            raise LabelError(f"expected a name, got {line.strip()[:40]!r}", line=number)
    if all(re.match(r"-(\s|$)", line.lstrip()) for _, line in lines):
        return tuple(_scalar(line.lstrip()[1:]) for _, line in lines)
    pairs: list[tuple[str, str]] = []
    for number, line in lines:
        pairs.append(_read_pair(line, number))
        if len({key for key, _ in pairs}) < len(pairs):
            raise LabelError(f'"{pairs[-1][0]}" stands twice', line=number)
    return order_labels(read_mapping(dict(pairs)))


def _read_pair(text: str, line: int) -> tuple[str, str]:
    match = _YAML_PAIR.fullmatch(text) if len(text) <= _MAX_CHARS else None
    if match is None:
        raise LabelError(f"expected CLASS ID: NAME, got {text.strip()[:40]!r}", line=line)
    return (match[1] or match[2] or match[3]).strip(), _scalar(match[4] or "")


def _scalar(text: str) -> str:
    match = _YAML_SCALAR.fullmatch(text)
    if match is None:
        raise LabelError(f"cannot read the name {text.strip()[:40]!r}")
    if match[1] is not None:
        try:
            return str(json.loads(f'"{match[1]}"', strict=False)).strip()
        except json.JSONDecodeError as error:
            raise LabelError(f"cannot read the name {text.strip()[:40]!r}: {error.msg}") from None
    if match[2] is not None:
        return match[2].replace("''", "'").strip()
    plain = match[3].strip()
    return "" if plain in ("~", "null") else plain
