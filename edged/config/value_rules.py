"""Rules for single values that their types alone cannot express: control characters, addresses and paths. No I/O."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, get_args, get_origin

from msgspec import Meta

from edged.config.addresses import RULE_KEY, AddressProblem, AddressRule, find_path_problem

_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f]")


def find_value_problem(value: object, annotation: Any) -> AddressProblem | None:
    """Return why a value cannot be used, beyond its type; None if it can, or is of another type.

    Args:
        value: the value, as tomllib returned it.
        annotation: the type of the setting.
    """
    for text in _iter_texts(value):
        if found := _CONTROL.search(text):
            message = f"contains the control character U+{ord(found.group()):04X}"
            return AddressProblem(message, "remove it")
    if not isinstance(value, str):
        return None
    kinds = list(iter_parts(annotation))
    if Path in kinds:
        return find_path_problem(value)
    rules = (part.extra.get(RULE_KEY) for part in kinds if isinstance(part, Meta) and part.extra)
    rule: AddressRule | None = next(filter(None, rules), None)
    return rule(value) if rule else None


def _iter_texts(value: object) -> Iterator[str]:
    """Yield the texts in a value, the keys of its tables included."""
    match value:
        case str():
            yield value
        case dict():
            for key, one in value.items():
                yield from (key, *_iter_texts(one))
        case list():
            for one in value:
                yield from _iter_texts(one)


def iter_parts(annotation: Any) -> Iterator[Any]:
    """Yield the types and the metadata of an annotation, from the outside in."""
    yield annotation
    for part in get_args(annotation):
        yield part
        if get_origin(part) is not None:
            yield from iter_parts(part)
