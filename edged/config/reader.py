"""Turns TOML tables into settings, and collects everything that is wrong instead of stopping at the first.

It knows how settings are written (structs, tables by name, arrays, paths), but not which there are.
"""

import re
from collections.abc import Callable, Collection, Mapping
from pathlib import Path
from types import UnionType
from typing import Annotated, Any, TypeVar, Union, get_args, get_origin

import msgspec
from msgspec import UNSET, Struct
from msgspec.structs import FieldInfo, fields

from edged.config.expected import expected, given
from edged.config.problems import Fault, KeyPath, did_you_mean, nearest

S = TypeVar("S", bound=Struct)

_SECRETS = frozenset({"password", "passwd", "passphrase", "secret", "token"})
_INDICES = re.compile(r"- at `\$(?P<steps>[^`]*)`$")


def keys(kind: type[Struct]) -> dict[str, FieldInfo]:
    """The keys that a table read as `kind` may have: all fields but those left for a driver's own settings."""
    return {f.encode_name: f for f in fields(kind) if not _is_drivers(f.type)}


class Reader:
    """Reads tables of one configuration.

    Attributes:
        faults: what was wrong so far.
    """

    def __init__(self, resolve: Callable[[str], Path]) -> None:
        """`resolve` makes an absolute path of what stands in the file."""
        self.faults: list[Fault] = []
        self._resolve = resolve

    def fault(self, at: KeyPath, message: str, hint: str = "") -> None:
        """Note that something is wrong at `at`."""
        self.faults.append(Fault(at=at, message=message, hint=hint))

    def struct(
        self, kind: type[S], table: object, at: KeyPath, *, beside: Collection[str] = ()
    ) -> S | None:
        """Read a table whose keys are the fields of `kind`.

        What is wrong is noted; in its place the default stands, so that the rest can still be judged.

        Args:
            kind: the settings' class.
            table: as tomllib gave it.
            at: the table's own key.
            beside: keys that somebody else reads from the same table: not unknown, and worth proposing.

        Returns:
            None if there is no table, or a required key is missing or wrong.
        """
        if not isinstance(table, Mapping):
            self.fault(at, f"expected a table, got {given(table)}")
            return None
        known = keys(kind)
        unknown = [key for key in table if key not in known and key not in beside]
        names = [*known, *beside]
        for key in unknown:
            self._unknown(key, at, names)
        mistyped = {nearest(key, names) for key in unknown}
        values: dict[str, Any] = {}
        complete = True
        for key, f in known.items():
            read = self._value(f.type, table[key], (*at, key)) if key in table else UNSET
            if read is not UNSET:
                values[f.name] = read
            elif f.required:
                complete = False
                if key not in table and key not in mistyped:
                    self.fault((*at, key), f"is missing; it takes {expected(f.type)}")
        return self._made(kind, values, at) if complete else None

    def _made(self, kind: type[S], values: dict[str, Any], at: KeyPath) -> S | None:
        try:
            return kind(**values)
        except ValueError as error:  # the struct's own __post_init__ refuses the combination
            self.fault(at, str(error))
            return None

    def _unknown(self, key: str, at: KeyPath, names: Collection[str]) -> None:
        if key in _SECRETS:
            hint = f'put it into a file of its own and name that: {key}_file = "/path"'
            self.fault((*at, key), "a secret must not stand in the configuration", hint)
        else:
            self.fault((*at, key), "unknown key", did_you_mean(key, names))

    def _value(self, annotation: Any, value: object, at: KeyPath) -> Any:
        """The value as `annotation` wants it, or UNSET if it is wrong."""
        for member in _members(annotation):
            if isinstance(member, type) and issubclass(member, Struct):
                made = self.struct(member, value, at)
                return UNSET if made is None else made
            if get_origin(member) is dict:
                return self._tables(member, value, at)
        return self.leaf(annotation, value, at)

    def _tables(self, annotation: Any, table: object, at: KeyPath) -> Any:
        if not isinstance(table, Mapping):
            self.fault(at, f"expected a table, got {given(table)}")
            return UNSET
        of_name, of_value = get_args(annotation)
        read = {
            name: self._value(of_value, value, (*at, name))
            for name, value in table.items()
            if self.leaf(of_name, name, (*at, name)) is not UNSET
        }
        return {name: value for name, value in read.items() if value is not UNSET}

    def leaf(self, annotation: Any, value: Any, at: KeyPath) -> Any:
        """Read one value that is neither a table nor holds one; UNSET if it is wrong."""
        try:
            return msgspec.convert(value, annotation, strict=True, dec_hook=self._path)
        except msgspec.ValidationError as error:
            inside = _inside(str(error))
            for index in inside:
                value = value[index]
            message = f"expected {expected(annotation, inside)}, got {given(value)}"
            self.fault((*at, *inside), message)
            return UNSET

    def _path(self, kind: type, value: object) -> Path:
        if kind is not Path or not isinstance(value, str) or not value:
            raise ValueError
        return self._resolve(value)


def _members(annotation: Any) -> tuple[Any, ...]:
    """What a type is one of, without metadata: ``Annotated[A | None, ...]`` gives A and NoneType."""
    while get_origin(annotation) is Annotated:
        annotation = get_args(annotation)[0]
    if get_origin(annotation) in (Union, UnionType):
        return tuple(m for part in get_args(annotation) for m in _members(part))
    return (annotation,)


def _is_drivers(annotation: Any) -> bool:
    return any(m is Struct or Struct in get_args(m) for m in _members(annotation))


def _inside(said: str) -> tuple[int, ...]:
    """The array indices in msgspec's ``... - at `$[2][0]```."""
    found = _INDICES.search(said)
    return tuple(map(int, re.findall(r"\d+", found["steps"]))) if found else ()
