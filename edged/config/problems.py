"""What can be wrong with a configuration, in a form for people and for programs."""

from collections.abc import Iterable, Iterator
from difflib import get_close_matches
from typing import Any

from msgspec import Struct

from edged.errors import ConfigError

KeyPath = tuple[str | int, ...]
"""Table names, keys and, inside arrays, indices: ``("camera", "front", "zone", "door", "points", 2)``."""


class KeyProblem(Struct, frozen=True, kw_only=True):
    """Something wrong at one key, wherever that stands.

    Attributes:
        key_path: the key; () for the configuration as a whole.
        message: what is wrong, and what was expected.
        hint: what to do; "" where the message says it all.
    """

    key_path: KeyPath
    message: str
    hint: str = ""


class Problem(Struct, frozen=True, kw_only=True):
    """Something wrong at one place in one file.

    Attributes:
        file: as it was named by the caller.
        line: from 1; None where the file as a whole is meant.
        key: dotted, as ``camera.front.source``; "" for no key in particular.
        message: what is wrong, and what was expected.
        hint: what to do; "" where the message says it all.
    """

    file: str
    line: int | None = None
    key: str = ""
    message: str
    hint: str = ""

    def __str__(self) -> str:
        place = self.file if self.line is None else f"{self.file}:{self.line}"
        what = f"{self.message}; {self.hint}" if self.hint else self.message
        return ": ".join(part for part in (place, self.key, what) if part)


class InvalidConfigError(ConfigError):
    """The configuration cannot be used; `problems` holds everything that is wrong with it, not only the first."""

    def __init__(self, problems: Iterable[Problem]) -> None:
        self.problems = tuple(problems)
        super().__init__("\n".join(map(str, self.problems)))

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (self.problems,)


def format_key(key_path: KeyPath) -> str:
    """A key as one writes it: ``camera.front.zone.door.points[2]``."""
    return "".join(_format_steps(key_path)).removeprefix(".")


def closest_name(name: str, names: Iterable[str]) -> str:
    """The likeliest of `names` to have been meant by `name`; "" if none is like it."""
    return next(iter(get_close_matches(name, list(names), n=1)), "")


def suggest_name(name: str, names: Iterable[str]) -> str:
    """The hint that asks for the nearest name, or "" if there is none."""
    near = closest_name(name, names)
    return f'did you mean "{near}"?' if near else ""


def format_choices(names: Iterable[str]) -> str:
    """A choice in words: ``one of "real", "max"``."""
    return "one of " + ", ".join(f'"{name}"' for name in names)


def _format_steps(key_path: KeyPath) -> Iterator[str]:
    for step in key_path:
        if isinstance(step, int):
            yield f"[{step}]"
        elif step and all(c.isascii() and (c.isalnum() or c in "-_") for c in step):
            yield f".{step}"
        else:
            yield f'."{step}"'
