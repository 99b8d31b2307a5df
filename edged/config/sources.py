"""Reads the configuration's files and lays them over one another; what they say is judged elsewhere.

The main file comes first, then ``conf.d/*.toml`` beside it in the order of their names. Tables are laid over each other
key by key; of any other value, arrays included, the last file's wins.
"""

import re
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from edged.config.locate import locate
from edged.config.problems import Fault, InvalidConfigError, KeyPath, Problem, dotted

_POSITION = re.compile(r" \(at (?:line (?P<line>\d+), column \d+|end of document)\)$")
_TWICE = re.compile(r"Cannot declare \((?P<parts>.*?),?\) twice")


@dataclass(frozen=True, slots=True, kw_only=True)
class Layers:
    """All files, laid over one another.

    Attributes:
        table: what they say together.
        files: those that were read, in their order.
        places: the file and line of every key; of a key that stands in several files, the last one's.
    """

    table: dict[str, Any]
    files: tuple[Path, ...]
    places: Mapping[KeyPath, tuple[Path, int]]

    def problems(self, faults: Iterable[Fault]) -> tuple[Problem, ...]:
        """Say where each fault stands; in the order of files and lines."""
        order = {str(file): n for n, file in enumerate(self.files)}
        found = map(self._problem, faults)
        return tuple(sorted(found, key=lambda p: (order[p.file], p.line or 0)))

    def _problem(self, fault: Fault) -> Problem:
        """A fault stands at its key, or at the nearest table around it."""
        for end in range(len(fault.at), 0, -1):
            if fault.at[:end] in self.places:
                file, line = self.places[fault.at[:end]]
                break
        else:
            file, line = self.files[0], None
        key = dotted(fault.at)
        return Problem(file=str(file), line=line, key=key, message=fault.message, hint=fault.hint)


def read_layers(main: Path, conf_d: Path) -> Layers:
    """Read `main` and what lies in the folder `conf_d`, which need not exist.

    Raises:
        InvalidConfigError: a file cannot be read, or is not TOML; with a problem for each such file.
    """
    table: dict[str, Any] = {}
    files: list[Path] = []
    places: dict[KeyPath, tuple[Path, int]] = {}
    problems: list[Problem] = []
    for file in (main, *sorted(conf_d.glob("*.toml"))):
        files.append(file)
        try:
            text = _text(file)
            _lay_over(table, _parse(file, text))
        except InvalidConfigError as error:
            problems += error.problems
        else:
            places |= {at: (file, line) for at, line in locate(text).items()}
    if problems:
        raise InvalidConfigError(problems)
    return Layers(table=table, files=tuple(files), places=places)


def _text(file: Path) -> str:
    try:
        return file.read_text(encoding="utf-8-sig")
    except OSError as error:
        reason = error.strerror or str(error)
        raise _unreadable(file, f"cannot be read: {reason}") from None
    except UnicodeDecodeError as error:
        line = error.object.count(b"\n", 0, error.start) + 1
        hint = "save the file as UTF-8"
        raise _unreadable(file, f"not UTF-8: {error.reason}", line=line, hint=hint) from None


def _parse(file: Path, text: str) -> dict[str, Any]:
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        said = str(error)
        position = _POSITION.search(said)
        line = position["line"] if position else None
        reason, hint = _in_words(_POSITION.sub("", said))
        last = max(1, len(text.splitlines()))
        raise _unreadable(file, reason, line=int(line) if line else last, hint=hint) from None
    except RecursionError:
        raise _unreadable(file, "not TOML: nested too deeply") from None


def _in_words(reason: str) -> tuple[str, str]:
    """What tomllib means, and what to do about it."""
    if twice := _TWICE.fullmatch(reason):
        table = ".".join(part.strip(" '\"") for part in twice["parts"].split(","))
        return f"the table [{table}] stands here a second time", "merge the two, or rename one"
    if reason == "Cannot overwrite a value":
        return "this key stands here a second time", "remove one of the two"
    if reason == "Invalid value":
        return (
            "not TOML: invalid value",
            "text needs quotes; a switch is true or false, without any",
        )
    return f"not TOML: {reason[0].lower()}{reason[1:]}", ""


def _unreadable(
    file: Path, message: str, *, line: int | None = None, hint: str = ""
) -> InvalidConfigError:
    return InvalidConfigError([Problem(file=str(file), line=line, message=message, hint=hint)])


def _lay_over(under: dict[str, Any], over: dict[str, Any]) -> None:
    for key, value in over.items():
        below = under.get(key)
        if isinstance(below, dict) and isinstance(value, dict):
            _lay_over(below, value)
        else:
            under[key] = value
