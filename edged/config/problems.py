"""Problems of a configuration, in a form for people and for programs."""

from collections.abc import Iterable, Iterator
from difflib import get_close_matches
from typing import Any

from msgspec import Struct

from edged.errors import ConfigError
from edged.terminal.escape import one_line

KeyPath = tuple[str | int, ...]
"""Table names, keys and, inside arrays, indices: ``("camera", "front", "zone", "door", "points", 2)``."""


class KeyProblem(Struct, frozen=True, kw_only=True):
    """A problem at one key, without its file and line.

    Attributes:
        key_path: the key; () for the configuration as a whole.
        message: what is wrong, and what was expected.
        hint: what to do; None if the message says it.
        details: lines that the message leaves out.
    """

    key_path: KeyPath
    message: str
    hint: str | None = None
    details: tuple[str, ...] = ()


class Problem(Struct, frozen=True, kw_only=True):
    """A problem with its file and line, as ``edged check --json`` prints it.

    Attributes:
        file: the file, as the caller named it.
        line: line number from 1; None for the file as a whole.
        key: the key, dotted, as ``camera.front.source``; "" for no key in particular.
        message: what is wrong, and what was expected.
        hint: what to do; "" if the message says it.
        details: lines that the message leaves out; `edged check --verbose` prints them.
    """

    file: str
    line: int | None = None
    key: str = ""
    message: str
    hint: str = ""
    details: tuple[str, ...] = ()

    def __str__(self) -> str:
        place = self.file if self.line is None else f"{self.file}:{self.line}"
        what = f"{self.message}; {self.hint}" if self.hint else self.message
        return one_line(": ".join(part for part in (place, self.key, what) if part))


class InvalidConfigError(ConfigError):
    """The configuration cannot be used.

    Attributes:
        problems: all problems of the configuration, not only the first.
    """

    def __init__(self, problems: Iterable[Problem]) -> None:
        self.problems = tuple(problems)
        super().__init__("\n".join(map(str, self.problems)))

    @property
    def lines(self) -> tuple[str, ...]:
        """The problems, each as one line."""
        return tuple(map(str, self.problems))

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (self.problems,)


def format_key(key_path: KeyPath) -> str:
    """Return a key as text: ``camera.front.zone.door.points[2]``."""
    return "".join(_format_steps(key_path)).removeprefix(".")


def closest_name(name: str, names: Iterable[str]) -> str | None:
    """Return the one of `names` that is most similar to `name`; None if none is similar."""
    return next(iter(get_close_matches(name, list(names), n=1)), None)


def suggest_name(name: str, names: Iterable[str]) -> str | None:
    """Return a hint with the most similar name; None if none is similar."""
    closest = closest_name(name, names)
    return f'did you mean "{closest}"?' if closest else None


def format_choices(names: Iterable[str]) -> str:
    """Return a choice in words: ``one of "real", "max"``."""
    return "one of " + ", ".join(f'"{name}"' for name in names)


def _format_steps(key_path: KeyPath) -> Iterator[str]:
    for step in key_path:
        if isinstance(step, int):
            yield f"[{step}]"
        elif step and all(c.isascii() and (c.isalnum() or c in "-_") for c in step):
            yield f".{step}"
        else:
            yield f'."{step}"'
