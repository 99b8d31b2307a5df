"""Turns TOML tables into settings, and collects all problems instead of stopping at the first.

It knows how settings are written (structs, tables by name, arrays, paths), but not which settings exist.
"""

import re
from collections import Counter
from collections.abc import Callable, Collection, Mapping
from pathlib import Path
from types import UnionType
from typing import Annotated, Any, TypeVar, Union, get_args, get_origin

import msgspec
from msgspec import UNSET, Struct
from msgspec.structs import FieldInfo, fields

from edged.config.describe import describe_type, describe_value
from edged.config.problems import KeyPath, KeyProblem, closest_name, suggest_name
from edged.config.value_rules import find_value_problem

S = TypeVar("S", bound=Struct)

_SECRET_KEYS = frozenset({"password", "passwd", "passphrase", "secret", "token"})
_INDICES = re.compile(r"- at `\$(?P<steps>[^`]*)`$")


def table_keys(kind: type[Struct]) -> dict[str, FieldInfo]:
    """Return the keys that a table of the type `kind` may have: all fields but the one for a driver's own settings."""
    return {f.encode_name: f for f in fields(kind) if not _is_driver_settings(f.type)}


class SettingsReader:
    """Reads the tables of one configuration.

    Attributes:
        problems: the problems so far.
    """

    def __init__(self, resolve: Callable[[str], Path]) -> None:
        """Start without problems; `resolve` turns a path in the file into an absolute one."""
        self.problems: list[KeyProblem] = []
        self._resolve = resolve

    def add_problem(self, key_path: KeyPath, message: str, hint: str | None = None) -> None:
        """Add a problem.

        Args:
            key_path: the key.
            message: what is wrong, and what was expected.
            hint: what to do; None if the message says it.
        """
        self.problems.append(KeyProblem(key_path=key_path, message=message, hint=hint))

    def read_struct(
        self,
        kind: type[S],
        table: object,
        key_path: KeyPath,
        *,
        other_keys: Collection[str] | Mapping[str, FieldInfo] = (),
    ) -> S | None:
        """Read a table whose keys are the fields of `kind`.

        Each invalid value is reported and replaced by the default, so that the rest can still be checked.

        Args:
            kind: the settings' class.
            table: the table, as tomllib returned it.
            key_path: the table's own key.
            other_keys: keys that another reader takes from the same table: they are not unknown, and are proposed for mistyped keys.
                As `table_keys` returns them, the keys of their tables are proposed, too.

        Returns:
            The settings; None if the value is not a table, or a required key is missing or invalid.
        """
        if not isinstance(table, Mapping):
            self.add_problem(key_path, f"expected a table, got {describe_value(table)}")
            return None
        known = table_keys(kind)
        mistyped = self._report_unknown_keys(
            table, key_path, [*known, *other_keys], _hint_at_tables(known, other_keys)
        )
        values: dict[str, Any] = {}
        complete = True
        for key, f in known.items():
            read = self._read_field(f.type, table[key], (*key_path, key)) if key in table else UNSET
            if read is not UNSET:
                values[f.name] = read
            elif f.required:
                complete = False
                if key not in table and key not in mistyped:
                    message = f"required key is missing; expected {describe_type(f.type)}"
                    self.add_problem((*key_path, key), message)
        return self._construct(kind, values, key_path) if complete else None

    def _construct(self, kind: type[S], values: dict[str, Any], key_path: KeyPath) -> S | None:
        try:
            return kind(**values)
        except ValueError as error:  # the struct's own __post_init__ refuses the combination
            self.add_problem(key_path, str(error))
            return None

    def _report_unknown_keys(
        self,
        table: Mapping[str, object],
        key_path: KeyPath,
        names: Collection[str],
        deeper: Mapping[str, str],
    ) -> set[str | None]:
        """Report each key that is not one of `names`; return the names for which they were probably mistyped.

        `deeper` has the keys that belong into a table below this one, each with a hint.
        """
        unknown = [key for key in table if key not in names]
        for key in unknown:
            if key in _SECRET_KEYS:
                message = "the configuration must not contain secrets"
                hint = f'write it to a file of its own, and set {key}_file = "/path"'
                self.add_problem((*key_path, key), message, hint)
            else:
                suggestion = deeper.get(key) or suggest_name(key, names)
                self.add_problem((*key_path, key), "unknown key", suggestion)
        return {closest_name(key, names) for key in unknown}

    def _read_field(self, annotation: Any, value: object, key_path: KeyPath) -> Any:
        """Return the value in the type of `annotation`, or UNSET if it is invalid."""
        for member in _union_members(annotation):
            if isinstance(member, type) and issubclass(member, Struct):
                settings = self.read_struct(member, value, key_path)
                return UNSET if settings is None else settings
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
        """Read one value that neither is nor contains a table.

        Args:
            annotation: the type of the value.
            value: the value, as tomllib returned it.
            key_path: its key.

        Returns:
            The converted value, or UNSET if it is invalid.
        """
        if problem := find_value_problem(value, annotation):
            self.add_problem(key_path, problem.message, problem.hint)
            return UNSET
        try:
            return msgspec.convert(value, annotation, strict=True, dec_hook=self._decode_path)
        except msgspec.ValidationError as error:
            indices = _parse_indices(str(error))
            for index in indices:
                value = value[index]
            message = f"expected {describe_type(annotation, indices)}, got {describe_value(value)}"
            self.add_problem((*key_path, *indices), message)
            return UNSET

    def _decode_path(self, kind: type, value: object) -> Path:
        if kind is not Path or not isinstance(value, str) or not value:
            raise ValueError
        return self._resolve(value)


def _hint_at_tables(*keys: Collection[str] | Mapping[str, FieldInfo]) -> dict[str, str]:
    """Return a hint for each key that exactly one of the tables among `keys` has: ``{"gate": 'did you mean "inference.gate"?'}``."""
    paths = [
        (key, f"{table}.{key}")
        for known in keys
        if isinstance(known, Mapping)
        for table, f in known.items()
        for member in _union_members(getattr(f, "type", None))
        if isinstance(member, type) and issubclass(member, Struct)
        for key in table_keys(member)
    ]
    counts = Counter(key for key, _ in paths)
    return {key: f'did you mean "{path}"?' for key, path in paths if counts[key] == 1}


def _union_members(annotation: Any) -> tuple[Any, ...]:
    """Return the members of a union, without metadata: A and NoneType for ``Annotated[A | None, ...]``; any other type itself."""
    while get_origin(annotation) is Annotated:
        annotation = get_args(annotation)[0]
    if get_origin(annotation) in (Union, UnionType):
        return tuple(m for part in get_args(annotation) for m in _union_members(part))
    return (annotation,)


def _is_driver_settings(annotation: Any) -> bool:
    return any(m is Struct or Struct in get_args(m) for m in _union_members(annotation))


def _parse_indices(message: str) -> tuple[int, ...]:
    """Return the array indices in msgspec's ``... - at `$[2][0]```."""
    location = _INDICES.search(message)
    return tuple(map(int, re.findall(r"\d+", location["steps"]))) if location else ()
