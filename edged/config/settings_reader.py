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

from edged.config.describe import describe_type, describe_value
from edged.config.problems import KeyPath, KeyProblem, closest_name, suggest_name

S = TypeVar("S", bound=Struct)

_SECRET_KEYS = frozenset({"password", "passwd", "passphrase", "secret", "token"})
_INDICES = re.compile(r"- at `\$(?P<steps>[^`]*)`$")


def table_keys(kind: type[Struct]) -> dict[str, FieldInfo]:
    """The keys that a table read as `kind` may have: all fields but those left for a driver's own settings."""
    return {f.encode_name: f for f in fields(kind) if not _is_driver_settings(f.type)}


class SettingsReader:
    """Reads tables of one configuration.

    Attributes:
        problems: what was wrong so far.
    """

    def __init__(self, resolve: Callable[[str], Path]) -> None:
        """`resolve` makes an absolute path of what stands in the file."""
        self.problems: list[KeyProblem] = []
        self._resolve = resolve

    def add_problem(self, key_path: KeyPath, message: str, hint: str = "") -> None:
        """Note that something is wrong at `key_path`."""
        self.problems.append(KeyProblem(key_path=key_path, message=message, hint=hint))

    def read_struct(
        self, kind: type[S], table: object, key_path: KeyPath, *, other_keys: Collection[str] = ()
    ) -> S | None:
        """Read a table whose keys are the fields of `kind`.

        What is wrong is noted; in its place the default stands, so that the rest can still be judged.

        Args:
            kind: the settings' class.
            table: as tomllib gave it.
            key_path: the table's own key.
            other_keys: keys that somebody else reads from the same table: not unknown, and worth proposing.

        Returns:
            None if there is no table, or a required key is missing or wrong.
        """
        if not isinstance(table, Mapping):
            self.add_problem(key_path, f"expected a table, got {describe_value(table)}")
            return None
        known = table_keys(kind)
        unknown = [key for key in table if key not in known and key not in other_keys]
        names = [*known, *other_keys]
        for key in unknown:
            self._report_unknown_key(key, key_path, names)
        mistyped = {closest_name(key, names) for key in unknown}
        values: dict[str, Any] = {}
        complete = True
        for key, f in known.items():
            read = self._read_field(f.type, table[key], (*key_path, key)) if key in table else UNSET
            if read is not UNSET:
                values[f.name] = read
            elif f.required:
                complete = False
                if key not in table and key not in mistyped:
                    self.add_problem(
                        (*key_path, key), f"is missing; it takes {describe_type(f.type)}"
                    )
        return self._construct(kind, values, key_path) if complete else None

    def _construct(self, kind: type[S], values: dict[str, Any], key_path: KeyPath) -> S | None:
        try:
            return kind(**values)
        except ValueError as error:  # the struct's own __post_init__ refuses the combination
            self.add_problem(key_path, str(error))
            return None

    def _report_unknown_key(self, key: str, key_path: KeyPath, names: Collection[str]) -> None:
        if key in _SECRET_KEYS:
            hint = f'put it into a file of its own and name that: {key}_file = "/path"'
            self.add_problem((*key_path, key), "a secret must not stand in the configuration", hint)
        else:
            self.add_problem((*key_path, key), "unknown key", suggest_name(key, names))

    def _read_field(self, annotation: Any, value: object, key_path: KeyPath) -> Any:
        """The value as `annotation` wants it, or UNSET if it is wrong."""
        for member in _union_members(annotation):
            if isinstance(member, type) and issubclass(member, Struct):
                made = self.read_struct(member, value, key_path)
                return UNSET if made is None else made
            if get_origin(member) is dict:
                return self._read_tables(member, value, key_path)
        return self.read_value(annotation, value, key_path)

    def _read_tables(self, annotation: Any, table: object, key_path: KeyPath) -> Any:
        if not isinstance(table, Mapping):
            self.add_problem(key_path, f"expected a table, got {describe_value(table)}")
            return UNSET
        of_name, of_value = get_args(annotation)
        read = {
            name: self._read_field(of_value, value, (*key_path, name))
            for name, value in table.items()
            if self.read_value(of_name, name, (*key_path, name)) is not UNSET
        }
        return {name: value for name, value in read.items() if value is not UNSET}

    def read_value(self, annotation: Any, value: Any, key_path: KeyPath) -> Any:
        """Read one value that is neither a table nor holds one; UNSET if it is wrong."""
        try:
            return msgspec.convert(value, annotation, strict=True, dec_hook=self._decode_path)
        except msgspec.ValidationError as error:
            inside = _parse_indices(str(error))
            for index in inside:
                value = value[index]
            message = f"expected {describe_type(annotation, inside)}, got {describe_value(value)}"
            self.add_problem((*key_path, *inside), message)
            return UNSET

    def _decode_path(self, kind: type, value: object) -> Path:
        if kind is not Path or not isinstance(value, str) or not value:
            raise ValueError
        return self._resolve(value)


def _union_members(annotation: Any) -> tuple[Any, ...]:
    """What a type is one of, without metadata: ``Annotated[A | None, ...]`` gives A and NoneType."""
    while get_origin(annotation) is Annotated:
        annotation = get_args(annotation)[0]
    if get_origin(annotation) in (Union, UnionType):
        return tuple(m for part in get_args(annotation) for m in _union_members(part))
    return (annotation,)


def _is_driver_settings(annotation: Any) -> bool:
    return any(m is Struct or Struct in get_args(m) for m in _union_members(annotation))


def _parse_indices(message: str) -> tuple[int, ...]:
    """The array indices in msgspec's ``... - at `$[2][0]```."""
    found = _INDICES.search(message)
    return tuple(map(int, re.findall(r"\d+", found["steps"]))) if found else ()
