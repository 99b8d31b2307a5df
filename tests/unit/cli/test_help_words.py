"""The help of every command, in the words of the glossary."""

import argparse
from collections.abc import Iterator

import pytest

from edged.cli.main import PROGRAM
from figures.words import BANNED_IN_TEXT


def iter_parsers(parser: argparse.ArgumentParser) -> Iterator[argparse.ArgumentParser]:
    """Yield a parser and the parsers of its commands and verbs."""
    yield parser
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            for child in action.choices.values():
                yield from iter_parsers(child)


PARSERS = {parser.prog: parser for parser in iter_parsers(PROGRAM.build_parser())}


def test_every_command_has_help() -> None:
    assert {name.split()[1] for name in PARSERS if " " in name} == set(PROGRAM.commands)
    assert {"edged model status", "edged bundle create", "edged trust update"} <= set(PARSERS)


@pytest.mark.parametrize("name", PARSERS)
def test_help_has_no_banned_phrase(name: str) -> None:
    text = " ".join(PARSERS[name].format_help().split())
    assert [found[0] for pattern in BANNED_IN_TEXT if (found := pattern.search(text))] == []


@pytest.mark.parametrize("name", PARSERS)
def test_every_option_is_explained(name: str) -> None:
    silent = [
        action.dest
        for action in PARSERS[name]._actions
        if not action.help and not isinstance(action, argparse._SubParsersAction)
    ]
    # What these are, their names say.
    assert set(silent) <= {"model", "file", "name"}
