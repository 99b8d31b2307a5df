"""Banned phrases in what people read: documentation, command-line help, schemas, the default configuration."""

import json
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

from figures.figure import Figure
from figures.names import words_of
from figures.words import BANNED_IN_NAMES, BANNED_IN_TEXT

_GIT = shutil.which("git") or "git"
_TEXT = (
    "*.md",
    "deploy/edged.toml",
    "deploy/debian/edged.1",
    "ansible/**/*.yml",
    "edged/messaging/contract/schemas/*.json",
)
_SCHEMAS = "edged/messaging/contract/schemas"
_CHANGELOG = "CHANGELOG.md"
_CODE_SPAN = re.compile(r"`[^`\n]*`")


def text_figures(root: Path) -> tuple[Figure, ...]:
    """Return the figures of text: documentation, and field names of the contract."""
    phrases = tuple(_phrases(root))
    fields = tuple(sorted(set(_fields(root))))
    return (
        Figure(name="banned phrases in documentation", value=len(phrases), limit=0, places=phrases),
        Figure(name="banned words in contract fields", value=len(fields), limit=0, places=fields),
    )


def banned_phrases(text: str) -> Iterator[tuple[int, str]]:
    """Yield the line number and the phrase of each banned phrase."""
    for number, line in enumerate(text.splitlines(), 1):
        for pattern in BANNED_IN_TEXT:
            found = pattern.search(line)
            if found:
                yield number, found[0]


def _phrases(root: Path) -> Iterator[str]:
    listed = subprocess.run(
        [_GIT, "ls-files", *_TEXT], cwd=root, check=True, capture_output=True, text=True
    ).stdout
    for path in listed.splitlines():
        text = (root / path).read_text("utf-8")
        if Path(path).name == _CHANGELOG:
            text = _CODE_SPAN.sub("", text)  # a changelog quotes names that were replaced
        for line, phrase in banned_phrases(text):
            yield f"{path}:{line}: {phrase}"


def _fields(root: Path) -> Iterator[str]:
    for path in sorted((root / _SCHEMAS).glob("*.json")):
        for definition in json.loads(path.read_text("utf-8"))["$defs"].values():
            for name in definition.get("properties", {}):
                if set(words_of(name)) & BANNED_IN_NAMES:
                    yield f"{path.name}: {name}"
