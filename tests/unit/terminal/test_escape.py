"""Output on a terminal: no text of others moves the cursor, hides something, or begins a line."""

import io
import json
import sys
import types
import unicodedata
from argparse import Namespace

import pytest

from edged.errors import EdgedError
from edged.terminal.escape import escape_text, one_line
from edged.terminal.program import Program
from edged.terminal.rows import format_columns, format_rows
from edged.terminal.safe_stream import SafeStream, raw_stream, safe_standard_streams

HOSTILE = (
    "cat\x1b[2J\x1b]0;title\x07\x9b31m\r\b\x7f\x00\u202edog\u2066\u200b\ufeff\u2028\U000e0041\udcff"
)


def is_unsafe(character: str) -> bool:
    return unicodedata.category(character) in {"Cc", "Cs", "Zl", "Zp"}


def test_no_control_character_of_any_script_is_left() -> None:
    every = "".join(map(chr, range(0x110000)))
    assert [c for c in escape_text(every) if is_unsafe(c)] == ["\t", "\n"]
    assert [c for c in one_line(every) if is_unsafe(c)] == ["\t"]
    for bidi in "\u200e\u200f\u061c\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069":
        assert bidi not in escape_text(every)


@pytest.mark.parametrize(
    "text", ["", "person", "Straße 12 °C", "猫 الكلب", "नमस्ते", "👩\u200d🚒", "क\u200cष"]
)
def test_the_writing_of_people_stays(text: str) -> None:
    assert escape_text(text) == one_line(text) == text


def test_escaped_json_is_the_same_json() -> None:
    labels = [HOSTILE.replace("\udcff", ""), "a\tb\nc"]
    text = json.dumps(labels, ensure_ascii=False, indent=2)
    assert json.loads(escape_text(text)) == labels
    assert json.loads(escape_text(text, "ascii")) == labels


def test_a_line_is_one_line() -> None:
    assert one_line("cat\r\n2 forged") == r"cat\u000d\u000a2 forged"
    assert format_rows([("label", "cat\nowner root")]) == [r"label        cat\u000aowner root"]
    rows = format_columns([("ROLE", "MODEL"), ("current", "a\nb")])
    assert rows == ["ROLE     MODEL", r"current  a\u000ab"]


def test_a_stream_that_lacks_a_character_shows_its_number() -> None:
    raw = io.TextIOWrapper(io.BytesIO(), encoding="ascii")
    stream = SafeStream(raw)
    assert stream.write("Straße\n") == 7
    stream.flush()
    assert raw.buffer.getvalue() == b"Stra\\u00dfe\n"


def program(command: object) -> Program:
    module = types.ModuleType("hostile_commands.act")
    module.add_parser = lambda subparsers: subparsers.add_parser("act").set_defaults(func=command)  # type: ignore[attr-defined]
    sys.modules["hostile_commands"] = types.ModuleType("hostile_commands")
    sys.modules["hostile_commands.act"] = module
    return Program(
        name="edged",
        description="",
        version="1",
        package="hostile_commands",
        commands=("act",),
    )


def test_whatever_a_command_prints_is_escaped(capsys: pytest.CaptureFixture[str]) -> None:
    def act(_: Namespace) -> int:
        print(HOSTILE)
        print(HOSTILE, file=sys.stderr)
        raw_stream(sys.stderr).write("\x1b[K")
        sys.stderr.writelines(["a\x1b", "b"])
        return 0

    assert program(act).run(["act"]) == 0
    out, err = capsys.readouterr()
    assert out == escape_text(HOSTILE) + "\n"
    assert err == escape_text(HOSTILE) + "\n\x1b[K" + r"a\u001bb"


def test_an_error_shows_neither_a_login_nor_a_sequence(capsys: pytest.CaptureFixture[str]) -> None:
    def refuse(_: Namespace) -> int:
        raise EdgedError(f"{HOSTILE}\nedged: forged rtsp://me:hush@cam/1")

    def crash(_: Namespace) -> int:
        raise ValueError(f"{HOSTILE} rtsp://me:hush@cam/1")

    for command in (refuse, crash):
        assert program(command).run(["act"]) == 1
        err = capsys.readouterr().err
        assert "hush" not in err
        assert "rtsp://cam" in err
        assert not [c for c in err if is_unsafe(c) and c != "\n"]
        assert "\nedged: forged" not in err


def test_a_usage_error_shows_no_sequence(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        program(lambda _: 0).run(["act", "\x1b[2J"])
    assert "\x1b" not in capsys.readouterr().err


def test_the_streams_are_the_same_as_before_afterwards() -> None:
    before = sys.stdout, sys.stderr
    with safe_standard_streams(), safe_standard_streams():
        assert isinstance(sys.stdout, SafeStream)
        assert raw_stream(sys.stdout) is before[0]
    assert (sys.stdout, sys.stderr) == before


def test_a_console_of_rich_shows_no_sequence(monkeypatch: pytest.MonkeyPatch) -> None:
    panel = pytest.importorskip("rich.panel")
    text = pytest.importorskip("rich.text")
    from edged.terminal.rich_console import SafeConsole

    out = io.StringIO()
    monkeypatch.setattr(sys, "stdout", SafeStream(out))
    SafeConsole().print(panel.Panel(text.Text(HOSTILE.replace("\udcff", "")), title=HOSTILE[:9]))
    shown = out.getvalue()
    assert "cat" in shown
    assert "│" in shown
    assert not [c for c in shown if is_unsafe(c) and c != "\n"]
