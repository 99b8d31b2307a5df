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

from edged.config.locate import locate_keys
from edged.config.problems import InvalidConfigError, KeyPath, KeyProblem, Problem, format_key

_POSITION = re.compile(r" \(at (?:line (?P<line>\d+), column \d+|end of document)\)$")
_DUPLICATE_TABLE = re.compile(r"Cannot declare \((?P<parts>.*?),?\) twice")


@dataclass(frozen=True, slots=True, kw_only=True)
class ConfigLayers:
    """All files, laid over one another.

    Attributes:
        table: what they say together.
        files: those that were read, in their order.
        locations: the file and line of every key; of a key that stands in several files, the last one's.
    """

    table: dict[str, Any]
    files: tuple[Path, ...]
    locations: Mapping[KeyPath, tuple[Path, int]]

    def locate_problems(self, problems: Iterable[KeyProblem]) -> tuple[Problem, ...]:
        """Say where each fault stands; in the order of files and lines."""
        order = {str(file): n for n, file in enumerate(self.files)}
        found = map(self._locate_problem, problems)
        return tuple(sorted(found, key=lambda p: (order[p.file], p.line or 0)))

    def _locate_problem(self, problem: KeyProblem) -> Problem:
        """A fault stands at its key, or at the nearest table around it."""
        for end in range(len(problem.key_path), 0, -1):
            if problem.key_path[:end] in self.locations:
                file, line = self.locations[problem.key_path[:end]]
                break
        else:
            file, line = self.files[0], None
        key = format_key(problem.key_path)
        return Problem(
            file=str(file), line=line, key=key, message=problem.message, hint=problem.hint
        )


def read_layers(main: Path, conf_d: Path) -> ConfigLayers:
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
            text = _read_text(file)
            _merge_tables(table, _parse(file, text))
        except InvalidConfigError as error:
            problems += error.problems
        else:
            places |= {at: (file, line) for at, line in locate_keys(text).items()}
    if problems:
        raise InvalidConfigError(problems)
    return ConfigLayers(table=table, files=tuple(files), locations=places)


def _read_text(file: Path) -> str:
    try:
        return file.read_text(encoding="utf-8-sig")
    except OSError as error:
        reason = error.strerror or str(error)
        raise _file_error(file, f"cannot be read: {reason}") from None
    except UnicodeDecodeError as error:
        line = error.object.count(b"\n", 0, error.start) + 1
        hint = "save the file as UTF-8"
        raise _file_error(file, f"not UTF-8: {error.reason}", line=line, hint=hint) from None


def _parse(file: Path, text: str) -> dict[str, Any]:
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        said = str(error)
        position = _POSITION.search(said)
        line = position["line"] if position else None
        reason, hint = _explain_toml_error(_POSITION.sub("", said))
        last = max(1, len(text.splitlines()))
        raise _file_error(file, reason, line=int(line) if line else last, hint=hint) from None
    except RecursionError:
        raise _file_error(file, "not TOML: nested too deeply") from None


def _explain_toml_error(reason: str) -> tuple[str, str]:
    """What tomllib means, and what to do about it."""
    if twice := _DUPLICATE_TABLE.fullmatch(reason):
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


def _file_error(
    file: Path, message: str, *, line: int | None = None, hint: str = ""
) -> InvalidConfigError:
    return InvalidConfigError([Problem(file=str(file), line=line, message=message, hint=hint)])


def _merge_tables(base: dict[str, Any], override: dict[str, Any]) -> None:
    for key, value in override.items():
        below = base.get(key)
        if isinstance(below, dict) and isinstance(value, dict):
            _merge_tables(below, value)
        else:
            base[key] = value
