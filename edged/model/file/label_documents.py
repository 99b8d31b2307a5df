"""Label lists in JSON, and as Python literals."""

import ast
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from edged.model.file.label_list import LabelError, NumberedLabel, order_labels

LIST_KEYS = (
    "names",
    "id2label",
    "labels",
    "classes",
    "categories",
    "label2id",
    "class_names",
    "label_names",
)
_ID_KEYS = ("id", "class_id", "index", "label_id")
_NAME_KEYS = ("display_name", "name", "label", "class_name")
_TUPLE = re.compile(r"""\(\s*["'].*\)""", re.DOTALL)
_NAME_IN_BRACKETS = re.compile(r"""\[[^\[\]{}"',\n]*\]\s*\n\s*[^\s\[{,]""")
"""A first line as ``[UNK]`` before other names."""
_SYNSET_ID = re.compile(r"n\d{8}")
_EXPECTED = (
    'expected a list of names, names by class id as {"0": "person"}, or a list of objects with '
    '"id" and "name"'
)


def is_document(text: str) -> bool:
    """Return whether a text begins as JSON or a Python literal does."""
    text = text.strip()
    if _NAME_IN_BRACKETS.match(text):
        return False
    return text[:1] in ("{", "[") or _TUPLE.fullmatch(text) is not None


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
    if isinstance(content, Mapping) and (present := [key for key in LIST_KEYS if key in content]):
        if len(present) > 1 and set(present) != {"id2label", "label2id"}:
            raise LabelError(f"it has {' and '.join(present)}: keep one of them")
        content = content[present[0]]
    elif isinstance(content, Mapping) and (inner := _find_inner(content)) is not None:
        return labels_from_value(inner)
    if isinstance(content, Mapping):
        return order_labels(read_mapping(content))
    if isinstance(content, Sequence) and not isinstance(content, str):
        if content and all(isinstance(entry, Mapping) for entry in content):
            return _read_objects(content)
        return tuple(_read_name(entry) for entry in content)
    raise LabelError(_EXPECTED)


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


def read_mapping(content: Mapping[object, object]) -> Iterator[NumberedLabel]:
    """Read names by class id, or class ids by name.

    Raises:
        LabelError: it is neither.
    """
    by_id = all(_is_number(key) for key in content)
    if not by_id and not all(_is_number(value) for value in content.values()):
        raise LabelError(_EXPECTED)
    for key, value in content.items():
        number, name = (key, value) if by_id else (value, key)
        yield NumberedLabel(class_id=int(str(number)), label=_read_name(name))


def _find_inner(content: Mapping[object, object]) -> Mapping[object, object] | None:
    """Return the only inner mapping with a label list, as ``model_parameters`` of Edge Impulse; None if there is none."""
    inner = [
        value
        for value in content.values()
        if isinstance(value, Mapping) and set(LIST_KEYS) & set(value)
    ]
    return inner[0] if len(inner) == 1 else None


def _read_objects(entries: Sequence[Mapping[str, object]]) -> tuple[str, ...]:
    """Read a list of objects: by their class ids, or in their order if none of them has one."""
    if not any(key in entry for entry in entries for key in _ID_KEYS):
        return tuple(_find_name(entry) for entry in entries)
    return order_labels(map(_read_object, entries))


def _find_name(entry: Mapping[str, object]) -> str:
    name = next((entry[key] for key in _NAME_KEYS if key in entry), None)
    if not isinstance(name, str):
        raise LabelError(_EXPECTED)
    return _read_name(name)


def _read_object(entry: Mapping[str, object]) -> NumberedLabel:
    number = next((entry[key] for key in _ID_KEYS if key in entry), None)
    if not _is_number(number):
        raise LabelError(_EXPECTED)
    return NumberedLabel(class_id=int(str(number)), label=_find_name(entry))


def _read_name(name: object) -> str:
    if name is None:
        return ""
    if isinstance(name, str | int | float):
        return str(name).strip()
    match name:
        case [str() as synset, str() as label] if _SYNSET_ID.fullmatch(synset):
            return label.strip()  # Keras' imagenet_class_index.json
    raise LabelError(_EXPECTED)


def _is_number(value: object) -> bool:
    return not isinstance(value, bool) and str(value).strip().isdecimal()
