"""Says in TOML's words what a setting takes, and what it was given instead."""

import datetime as dt
import json
import re
from typing import Any, get_args

from msgspec import inspect

from edged.config.settings import LibraryFunction, Name

_MAX_SHOWN_CHARS = 40
_CREDENTIALS = re.compile(r"//[^/\s]*@")
_NAME_PATTERN = get_args(Name)[1].pattern
_FUNCTION_PATTERN = get_args(LibraryFunction)[1].pattern


def describe_type(annotation: Any, index_path: tuple[int, ...] = ()) -> str:
    """The type of a setting in words, with its bounds: ``a whole number from 1 to 64``.

    Args:
        annotation: as the settings' field has it.
        index_path: indices of the array element that is meant, outermost first.
    """
    kind = _strip_metadata(inspect.type_info(annotation))
    for index in index_path:
        kind = _strip_metadata(_element_type(kind, index))
    return _describe(kind)


def describe_value(value: object) -> str:
    """A value in words, shortened: ``"high"``, ``true``, ``an array of 3``; without the password of an address."""
    match value:
        case dict():
            return "a table"
        case list():
            return f"an array of {len(value)}"
        case dt.date() | dt.time():
            return f"the time {value.isoformat()}"
        case str() | bool():
            shown = _CREDENTIALS.sub("//…@", json.dumps(value, ensure_ascii=False))
        case _:
            shown = str(value)
    return shown if len(shown) <= _MAX_SHOWN_CHARS else shown[: _MAX_SHOWN_CHARS - 1] + "…"


def _strip_metadata(kind: inspect.Type) -> inspect.Type:
    """Without metadata, and without the None that stands for "not set"."""
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


def _describe(kind: inspect.Type) -> str:  # noqa: C901, PLR0911 -- a table: one line a kind of type
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
            return "a library and a function of it, as LIBRARY:FUNCTION"
        case inspect.StrType():
            return "a string" + _describe_string_limits(kind)
        case inspect.LiteralType():
            return "one of " + ", ".join(map(describe_value, kind.values))
        case inspect.CustomType():
            return "a path, as a string"
        case inspect.VarTupleType() | inspect.ListType():
            least = f" of at least {kind.min_length}" if kind.min_length else ""
            return f"an array{least}, each {_describe(_strip_metadata(kind.item_type))}"
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
    least, most = kind.min_length, kind.max_length
    if most is not None:
        return f" of {least or 0} to {most} characters"
    return f" of at least {least} character{'s' * (least > 1)}" if least else ""


def _describe_bounds(kind: inspect.IntType | inspect.FloatType) -> str:
    bounds = (
        (kind.gt, "above"),
        (kind.ge, "of at least"),
        (kind.lt, "below"),
        (kind.le, "of at most"),
    )
    said = [f"{word} {bound:g}" for bound, word in bounds if bound is not None]
    if kind.ge is not None and kind.le is not None:
        said = [f"from {kind.ge:g} to {kind.le:g}"]
    if kind.multiple_of is not None:
        said.append(f"a multiple of {kind.multiple_of:g}")
    return " " + " and ".join(said) if said else ""
