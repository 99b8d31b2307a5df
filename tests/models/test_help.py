"""The help of the commands."""

import argparse
from collections.abc import Iterator

import pytest

from edged_models.cli.main import PROGRAM

_WITHOUT_DEFAULT = ("help", "version")


def _list_options() -> Iterator[tuple[str, argparse.Action]]:
    (subparsers,) = (
        action
        for action in PROGRAM.build_parser()._actions
        if isinstance(action, argparse._SubParsersAction)
    )
    for command, parser in subparsers.choices.items():
        for action in parser._actions:
            if action.option_strings and action.dest not in _WITHOUT_DEFAULT:
                yield command, action


def test_every_option_says_what_it_does_and_its_default() -> None:
    silent = [
        f"{command} {action.option_strings[-1]}"
        for command, action in _list_options()
        if not action.help
        or (
            action.default not in (None, False, [])
            and action.nargs != 0
            and not action.required
            and "default" not in action.help  # also in %(default)s
        )
    ]
    assert silent == []


def test_the_help_of_every_command_can_be_printed(capsys: pytest.CaptureFixture[str]) -> None:
    for command in PROGRAM.commands:
        with pytest.raises(SystemExit) as ended:
            PROGRAM.run([command, "--help"])
        assert ended.value.code == 0
        assert command in capsys.readouterr().out
