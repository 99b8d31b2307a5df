"""Descriptions in TOML's terms of the values that a setting takes, and of the value that it was given."""

import datetime as dt
import json
from typing import Any, get_args

from msgspec import inspect

from edged.config.settings import LibraryFunction, Name
from edged.redaction import redact_text

_MAX_SHOWN_CHARS = 40
_NAME_PATTERN = get_args(Name)[1].pattern
_FUNCTION_PATTERN = get_args(LibraryFunction)[1].pattern


def describe_type(annotation: Any, index_path: tuple[int, ...] = ()) -> str:
    """Describe the type of a setting in words, with its bounds: ``a whole number from 1 to 64``.

    Args:
        annotation: the type annotation of the settings' field.
        index_path: indices of the array element to describe, outermost first; () for the whole value.
    """
    kind = _strip_metadata(inspect.type_info(annotation))
    for index in index_path:
        kind = _strip_metadata(_element_type(kind, index))
    return _describe(kind)


def describe_value(value: object) -> str:
    """Describe a value in words, shortened, and of a URL only scheme and host: ``"high"``, ``true``, ``an array of 3``."""
    match value:
        case dict():
            return "a table"
        case list():
            return f"an array of {len(value)}"
        case dt.date() | dt.time():
            return f"the time {value.isoformat()}"
        case str() | bool():
            shown = redact_text(json.dumps(value, ensure_ascii=False))
        case _:
            shown = str(value)
    return shown if len(shown) <= _MAX_SHOWN_CHARS else shown[: _MAX_SHOWN_CHARS - 1] + "…"


def _strip_metadata(kind: inspect.Type) -> inspect.Type:
    """Return a type without its metadata, and without the None that stands for "not set"."""
    while isinstance(kind, inspect.Metadata):
        kind = kind.type
    if isinstance(kind, inspect.UnionType):
        members = [
            m for m in map(_strip_metadata, kind.types) if not isinstance(m, inspect.NoneType)
        ]
        return members[0] if len(members) == 1 else inspect.UnionType(tuple(members))
    return kind


def _element_type(kind: inspect.Type, index: int) -> inspect.Type:
    match kind:
        case inspect.VarTupleType() | inspect.ListType():
            return kind.item_type
        case inspect.TupleType():
            return kind.item_types[index]
    return kind


def _describe(kind: inspect.Type) -> str:  # noqa: C901, PLR0911 -- a table: one line per kind of type
    match kind:
        case inspect.BoolType():
            return "true or false"
        case inspect.IntType():
            return "a whole number" + _describe_bounds(kind)
        case inspect.FloatType():
            return "a number" + _describe_bounds(kind)
        case inspect.StrType(pattern=pattern) if pattern == _NAME_PATTERN:
            return "a name of letters, digits, - and _ (64 at most, a letter or digit first)"
        case inspect.StrType(pattern=pattern) if pattern == _FUNCTION_PATTERN:
            return "a library and one of its functions, as LIBRARY:FUNCTION"
        case inspect.StrType():
            return "a string" + _describe_string_limits(kind)
        case inspect.LiteralType():
            return "one of " + ", ".join(map(describe_value, kind.values))
        case inspect.CustomType():
            return "a path, as a string"
        case inspect.VarTupleType() | inspect.ListType():
            length = f" of at least {kind.min_length}" if kind.min_length else ""
            return f"an array{length}, each {_describe(_strip_metadata(kind.item_type))}"
        case inspect.TupleType():
            return "an array of " + ", ".join(
                _describe(_strip_metadata(item)) for item in kind.item_types
            )
        case inspect.UnionType():
            return " or ".join(_describe(member) for member in kind.types)
    return "a table"


def _describe_string_limits(kind: inspect.StrType) -> str:
    if kind.pattern:
        return f" that matches {kind.pattern}"
    min_length, max_length = kind.min_length, kind.max_length
    if max_length is not None:
        return f" of {min_length or 0} to {max_length} characters"
    return f" of at least {min_length} character{'s' * (min_length > 1)}" if min_length else ""


def _describe_bounds(kind: inspect.IntType | inspect.FloatType) -> str:
    bounds = (
        (kind.gt, "above"),
        (kind.ge, "of at least"),
        (kind.lt, "below"),
        (kind.le, "of at most"),
    )
    parts = [f"{words} {bound:.15g}" for bound, words in bounds if bound is not None]
    if kind.ge is not None and kind.le is not None:
        parts = [f"from {kind.ge:.15g} to {kind.le:.15g}"]
    if kind.multiple_of is not None:
        parts.append(f"a multiple of {kind.multiple_of:g}")
    return " " + " and ".join(parts) if parts else ""
