"""Reads the configuration's files and merges them, without validating their values.

The main file comes first, then ``conf.d/*.toml`` beside it in the order of their names. Tables are merged key by key; for any other
value, arrays included, the last file has priority.
"""

import re
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any

from edged.config.locate import locate_keys
from edged.config.problems import InvalidConfigError, KeyPath, KeyProblem, Problem, format_key
from edged.redaction import redact_text
from edged.text import TextError, read_text

_POSITION = re.compile(r" \(at (?:line (?P<line>\d+), column \d+|end of document)\)$")
_DUPLICATE_TABLE = re.compile(r"Cannot declare \((?P<parts>.*?),?\) twice")


@dataclass(frozen=True, slots=True, kw_only=True)
class ConfigLayers:
    """All files, merged.

    Attributes:
        table: the merged table.
        files: the files that were read, in their order.
        locations: the file and line of every key; for a key that is set in several files, those of the last one.
    """

    table: dict[str, Any]
    files: tuple[Path, ...]
    locations: Mapping[KeyPath, tuple[Path, int]]

    def locate_problems(self, problems: Iterable[KeyProblem]) -> tuple[Problem, ...]:
        """Add file and line to each problem, and sort them by file and line."""
        order = {str(file): n for n, file in enumerate(self.files)}
        located = map(self._locate_problem, problems)
        return tuple(sorted(located, key=lambda p: (order[p.file], p.line or 0)))

    def _locate_problem(self, problem: KeyProblem) -> Problem:
        """Locate a problem at its key, or at the nearest table around it."""
        for end in range(len(problem.key_path), 0, -1):
            if problem.key_path[:end] in self.locations:
                file, line = self.locations[problem.key_path[:end]]
                break
        else:
            file, line = self.files[0], None
        return Problem(
            file=str(file),
            line=line,
            key=redact_text(format_key(problem.key_path)),
            message=redact_text(problem.message),
            hint=problem.hint or "",
            details=tuple(map(redact_text, problem.details)),
        )


def read_layers(
    main: Path, conf_d: Path, *, drafts: Mapping[Path, str | None] = MappingProxyType({})
) -> ConfigLayers:
    """Read `main` and the TOML files in the folder `conf_d`, which need not exist.

    Args:
        main: the main file.
        conf_d: the folder.
        drafts: files in the folder that are to be written, with their texts, which are read instead; None for one that is to be removed.

    Raises:
        InvalidConfigError: a file cannot be read, or is not TOML; with a problem for each such file.
    """
    table: dict[str, Any] = {}
    kept = {file for file in conf_d.glob("*.toml") if file not in drafts}
    written = {file for file, text in drafts.items() if text is not None}
    files = (main, *sorted(kept | written))
    locations: dict[KeyPath, tuple[Path, int]] = {}
    problems: list[Problem] = []
    for file in files:
        try:
            draft = drafts.get(file)
            text = _read_text(file) if draft is None else draft
            _merge_tables(table, _parse(file, text))
        except InvalidConfigError as error:
            problems += error.problems
        else:
            locations |= {key_path: (file, line) for key_path, line in locate_keys(text).items()}
    if problems:
        raise InvalidConfigError(problems)
    return ConfigLayers(table=table, files=files, locations=locations)


def _read_text(file: Path) -> str:
    try:
        return read_text(file)
    except FileNotFoundError:
        hint = "mend the link" if file.is_symlink() else None
        raise _file_error(file, "there is no such file", hint=hint) from None
    except OSError as error:
        reason = error.strerror or str(error)
        raise _file_error(file, f"cannot be read: {reason}") from None
    except TextError as error:
        hint = "save the file as UTF-8"
        raise _file_error(file, error.reason, line=error.line, hint=hint) from None


def _parse(file: Path, text: str) -> dict[str, Any]:
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        full_text = str(error)
        position = _POSITION.search(full_text)
        line = position["line"] if position else None
        reason, hint = _explain_toml_error(_POSITION.sub("", full_text))
        last_line = max(1, len(text.splitlines()))
        raise _file_error(file, reason, line=int(line) if line else last_line, hint=hint) from None
    except RecursionError:
        raise _file_error(file, "not TOML: nested too deeply") from None


def _explain_toml_error(reason: str) -> tuple[str, str | None]:
    """Return tomllib's reason in clearer words, and a hint that says what to do, or None."""
    if duplicate := _DUPLICATE_TABLE.fullmatch(reason):
        table = ".".join(part.strip(" '\"") for part in duplicate["parts"].split(","))
        return f"the table [{table}] is defined twice", "merge the two tables, or rename one"
    if reason == "Cannot overwrite a value":
        return "this key is set twice", "remove one of the two lines"
    if reason == "Invalid value":
        return "not TOML: invalid value", "put text in quotes, but not true, false and numbers"
    return f"not TOML: {reason[0].lower()}{reason[1:]}", None


def _file_error(
    file: Path, message: str, *, line: int | None = None, hint: str | None = None
) -> InvalidConfigError:
    problem = Problem(file=str(file), line=line, message=message, hint=hint or "")
    return InvalidConfigError([problem])


def _merge_tables(base: dict[str, Any], override: dict[str, Any]) -> None:
    for key, value in override.items():
        below = base.get(key)
        if isinstance(below, dict) and isinstance(value, dict):
            _merge_tables(below, value)
        else:
            base[key] = value
