"""Label lists in JSON, as Python literals, and in YAML as Ultralytics' ``data.yaml`` has them.

YAML is read only where it names the classes: a list or a map of names, which needs no library on the device.
"""

import ast
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from edged.model.file.label_list import LabelError, NumberedLabel, order_labels

_LIST_KEYS = ("names", "id2label", "labels", "classes", "categories", "label2id")
_ID_KEYS = ("id", "class_id", "index", "label_id")
_NAME_KEYS = ("display_name", "name", "label", "class_name")
_YAML_KEY = re.compile(rf"(?:{'|'.join(_LIST_KEYS)})\s*:(?:\s|$)")
_YAML_SCALAR = re.compile(
    r"""\s*(?:"((?:\\.|[^"\\])*)"|'((?:''|[^'])*)'|((?:(?!\s\#)[^\n])*))\s*(?:\#.*)?"""
)
_YAML_PAIR = re.compile(r"""\s*(?:"([^"]*)"|'([^']*)'|([^:'"\[\]{},]+?))\s*:(?:\s+(.*)|\s*)""")
_FLOW_ITEM = re.compile(r"""\s*((?:"(?:\\.|[^"\\])*"|'(?:''|[^'])*'|[^,"'\[\]{}])+)\s*""")
_MAX_CHARS = 1000
"""Longest entry: its pattern takes time that grows with its square."""
_EXPECTED = (
    'expected a list of names, names by class id as {"0": "person"}, or a list of objects with '
    '"id" and "name"'
)


def is_document(text: str) -> bool:
    """Return whether a text begins as JSON or a Python literal does."""
    return text.lstrip()[:1] in ("{", "[")


def parse_document(text: str) -> tuple[str, ...]:
    """Parse JSON or a Python literal with one label list.

    Raises:
        LabelError: it is neither, or has no label list, or more than one.
    """
    try:
        content = json.loads(text, object_pairs_hook=_unique_keys)
    except json.JSONDecodeError as error:
        content = _parse_literal(text, LabelError(f"not JSON: {error.msg}", line=error.lineno))
    except RecursionError:
        raise LabelError("not JSON: nested too deeply") from None
    return labels_from_value(content)


def labels_from_value(content: object) -> tuple[str, ...]:
    """Return the labels in a decoded document.

    Raises:
        LabelError: it has no label list, or more than one.
    """
    if isinstance(content, Mapping) and (present := [key for key in _LIST_KEYS if key in content]):
        if len(present) > 1 and set(present) != {"id2label", "label2id"}:
            raise LabelError(f"it has {' and '.join(present)}: keep one of them")
        content = content[present[0]]
    if isinstance(content, Mapping):
        return order_labels(_read_mapping(content))
    if isinstance(content, Sequence) and not isinstance(content, str):
        if content and all(isinstance(entry, Mapping) for entry in content):
            return order_labels(map(_read_object, content))
        return tuple(_read_name(entry) for entry in content)
    raise LabelError(_EXPECTED)


def is_yaml(text: str) -> bool:
    """Return whether a text has a key of YAML that names classes, at the beginning of a line."""
    return any(_YAML_KEY.match(line) for line in text.split("\n"))


def parse_yaml(text: str) -> tuple[str, ...]:
    """Parse the names of the classes in a YAML file; the rest of it is not read.

    Raises:
        LabelError: the names are not a simple list, or a simple map by class id.
    """
    lines = text.split("\n")
    starts = [number for number, line in enumerate(lines) if _YAML_KEY.match(line)]
    if len(starts) > 1:
        keys = " and ".join(lines[number].partition(":")[0] for number in starts)
        raise LabelError(f"it has {keys}: keep one of them", line=starts[1] + 1)
    start = starts[0]
    inline = lines[start].partition(":")[2].strip()
    if inline[:1] in ("[", "{"):
        return labels_from_value(_parse_flow("\n".join([inline, *lines[start + 1 :]]), start + 1))
    if inline and not inline.startswith("#"):
        raise LabelError(f"expected a list of names, got {inline[:40]!r}", line=start + 1)
    return _read_block(list(_block_lines(lines, start + 1)), start + 1)


def _parse_literal(text: str, problem: LabelError) -> object:
    try:
        return ast.literal_eval(text.strip())
    except (ValueError, TypeError, SyntaxError, MemoryError, RecursionError):
        raise problem from None


def _unique_keys(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    content: dict[str, Any] = {}
    for key, value in pairs:
        if content.setdefault(key, value) != value:
            raise LabelError(f'"{key}" stands twice, with different values')
    return content


def _read_mapping(content: Mapping[object, object]) -> Iterator[NumberedLabel]:
    """Read names by class id, or class ids by name."""
    by_id = all(_is_number(key) for key in content)
    if not by_id and not all(_is_number(value) for value in content.values()):
        raise LabelError(_EXPECTED)
    for key, value in content.items():
        number, name = (key, value) if by_id else (value, key)
        yield NumberedLabel(class_id=int(str(number)), label=_read_name(name))


def _read_object(entry: Mapping[str, object]) -> NumberedLabel:
    number = next((entry[key] for key in _ID_KEYS if key in entry), None)
    name = next((entry[key] for key in _NAME_KEYS if key in entry), None)
    if not _is_number(number) or not isinstance(name, str):
        raise LabelError(_EXPECTED)
    return NumberedLabel(class_id=int(str(number)), label=_read_name(name))


def _read_name(name: object) -> str:
    if name is None:
        return ""
    if isinstance(name, str | int | float):
        return str(name).strip()
    raise LabelError(_EXPECTED)


def _is_number(value: object) -> bool:
    return not isinstance(value, bool) and str(value).strip().isdecimal()


def _parse_flow(text: str, line: int) -> object:
    """Parse YAML's ``[a, b]`` or ``{0: a, 1: b}``, which may go over several lines."""
    opening, closing = text[0], {"[": "]", "{": "}"}[text[0]]
    body = re.sub(r"(^|\s)#[^\n]*", " ", text[1:])
    items: list[str] = []
    position = 0
    while (match := _FLOW_ITEM.match(body, position)) is not None:
        if match[1].strip():
            items.append(match[1].strip())
        position = match.end()
        if body[position : position + 1] != ",":
            break
        position += 1
    if body[position:].lstrip()[:1] != closing:
        raise LabelError(f"the list that begins here does not end with {closing}", line=line)
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
    if all(re.match(r"-(\s|$)", line.lstrip()) for _, line in lines):
        return tuple(_scalar(line.lstrip()[1:]) for _, line in lines)
    pairs: list[tuple[str, str]] = []
    for number, line in lines:
        pairs.append(_read_pair(line, number))
        if len({key for key, _ in pairs}) < len(pairs):
            raise LabelError(f'"{pairs[-1][0]}" stands twice', line=number)
    return order_labels(_read_mapping(dict(pairs)))


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
