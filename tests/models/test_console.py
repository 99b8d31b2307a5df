"""The output of the toolchain's commands: texts out of models and folders are shown, and change nothing on the terminal."""

import argparse
import io
import sys

import msgspec
import pytest

from edged.terminal.safe_stream import SafeStream
from edged_models import console

HOSTILE = "cat\x1b[2J\u202edog\nlabels 9"


class Result(msgspec.Struct):
    label: str


def test_a_label_is_one_line_without_sequences(capsys: pytest.CaptureFixture[str]) -> None:
    lines = console.format_table([("label", HOSTILE), ("longer name", 1)])
    console.print_result(argparse.Namespace(json=False), Result(HOSTILE), [*lines, HOSTILE])
    shown = r"cat\u001b[2J\u202edog\u000alabels 9"
    assert capsys.readouterr().out.splitlines() == [
        f"label        {shown}",
        "longer name  1",
        shown,
    ]


def test_a_progress_bar_shows_no_sequence_of_others(monkeypatch: pytest.MonkeyPatch) -> None:
    terminal = io.StringIO()
    monkeypatch.setattr(terminal, "isatty", lambda: True)
    monkeypatch.setattr(sys, "stderr", SafeStream(terminal))
    with console.progress_bar() as progress:
        progress.add_task(HOSTILE.replace("\n", ""), total=1)
    assert r"cat\u001b[2J" in terminal.getvalue()
    assert "\u202e" not in terminal.getvalue()
