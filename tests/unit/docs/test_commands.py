"""Every `edged` command and every configuration that the documentation shows is one that edged accepts."""

import re
import shlex
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from edged.cli.main import PROGRAM
from edged.config.settings import Settings
from edged.config.validate import read_settings

ROOT = Path(__file__).parents[3]
PAGES = [
    ROOT / "README.md",
    *sorted((ROOT / "docs").rglob("*.md")),
    ROOT / "deploy" / "README.md",
    ROOT / "models" / "README.md",
]
_BLOCK = re.compile(r"^ *```(?P<language>\w+)\n(?P<body>.*?)^ *```$", re.MULTILINE | re.DOTALL)
_BEFORE = {"sudo", "do", "then", "30", "|", "||", "&&", ";"}
_LEFT_OUT = "…"
_PLACEHOLDERS = {"N": "1", "HEX": "0" * 64}


def _blocks(language: str) -> Iterator[tuple[str, str]]:
    for page in PAGES:
        for block in _BLOCK.finditer(page.read_text("utf-8")):
            if block["language"] == language:
                yield str(page.relative_to(ROOT)), block["body"]


def _commands() -> Iterator[tuple[str, tuple[str, ...]]]:
    """Return each command line of `edged` with the page that shows it."""
    for page, body in (*_blocks("sh"), *_blocks("console")):
        for line in body.replace("\\\n", " ").splitlines():
            words = _split(line.removeprefix("$ "))
            for at, word in enumerate(words):
                if Path(word).name == "edged" and (at == 0 or words[at - 1] in _BEFORE):
                    yield page, tuple(_take_arguments(words[at + 1 :]))


def _split(line: str) -> list[str]:
    lexer = shlex.shlex(line.strip(), posix=True, punctuation_chars=True)
    lexer.whitespace_split = True
    try:
        return list(lexer)
    except ValueError:  # a quotation that ends in another line
        return []


def _take_arguments(words: list[str]) -> Iterator[str]:
    for word in words:
        if set(word) <= set("|&;<>()"):
            return
        yield _PLACEHOLDERS.get(word, word)


COMMANDS = sorted({shown for shown in _commands() if _LEFT_OUT not in shown[1]})
CONFIGURATIONS = [
    (page, body)
    for page, body in _blocks("toml")
    if tomllib.loads(body).keys() <= {*Settings.__struct_fields__, "mqtt", "jsonl"}
]


@pytest.mark.parametrize(("page", "arguments"), COMMANDS)
def test_a_command_line_is_accepted(
    page: str, arguments: tuple[str, ...], capsys: pytest.CaptureFixture[str]
) -> None:
    parser = PROGRAM.build_parser(arguments)
    try:
        parser.parse_args(arguments)
    except SystemExit as end:
        if end.code:
            pytest.fail(f"{page}: edged {shlex.join(arguments)}: {capsys.readouterr().err}")


@pytest.mark.parametrize(("page", "body"), CONFIGURATIONS)
def test_a_configuration_is_accepted(page: str, body: str, tmp_path: Path) -> None:
    table: dict[str, Any] = tomllib.loads(body)
    # A page may show a part only.
    if "jsonl" not in table:
        table.setdefault("mqtt", {}).setdefault("host", "127.0.0.1")
    cameras = table.setdefault("camera", {"front": {}})
    for camera in cameras.values():
        camera.setdefault("source", "synthetic")
    _, problems = read_settings(table, tmp_path.joinpath)
    assert problems == [], page


def test_the_pages_show_commands_and_configurations() -> None:
    assert len(COMMANDS) > 20
    assert len(CONFIGURATIONS) > 5
