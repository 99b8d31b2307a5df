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


def test_where_no_terminal_is_a_line_tells_the_progress_now_and_then(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    with console.progress_bar() as progress:
        task = progress.add_task("train", total=200)
        for done in range(1, 5):
            progress.update(task, completed=done)
        assert capsys.readouterr().err == ""
        monkeypatch.setattr(console, "HEARTBEAT_S", 0.0)
        progress.update(task, completed=50, note=f"AP50 0.8 {HOSTILE}")
        progress.advance(task, 2)
    first, second = capsys.readouterr().err.splitlines()
    assert first.startswith("train: 50 of 200")
    assert first.endswith(r"AP50 0.8 cat\u001b[2J\u202edog\u000alabels 9")
    assert second.startswith("train: 52 of 200")


def test_a_progress_bar_shows_no_sequence_of_others(monkeypatch: pytest.MonkeyPatch) -> None:
    terminal = io.StringIO()
    monkeypatch.setattr(terminal, "isatty", lambda: True)
    monkeypatch.setattr(sys, "stderr", SafeStream(terminal))
    with console.progress_bar() as progress:
        progress.add_task(HOSTILE.replace("\n", ""), total=1)
    assert r"cat\u001b[2J" in terminal.getvalue()
    assert "\u202e" not in terminal.getvalue()
