"""The file that keeps what commands have done: a damaged one is as none."""

from pathlib import Path

import pytest

from edged.daemon.command_file import FILE_NAME, KeptCommands, read_kept_commands


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"[]",
        b"\xff",
        b'{"x":' * 100_000,
        b'{"switched": {"a": {"threshold": 7.5}}}',
        b'{"switched": {"a": {"thresholds": {"dog": -1}}}}',
        b'{"switched": {}, "x": "' + b"x" * (16 << 20) + b'"}',
    ],
    ids=["empty", "list", "no text", "deep", "threshold", "threshold of a label", "huge"],
)
def test_a_damaged_file_keeps_nothing(tmp_path: Path, content: bytes) -> None:
    (tmp_path / FILE_NAME).write_bytes(content)
    assert read_kept_commands(tmp_path) == KeptCommands()


def test_what_cannot_be_read_keeps_nothing(tmp_path: Path) -> None:
    assert read_kept_commands(tmp_path) == KeptCommands()
    (tmp_path / FILE_NAME).mkdir()
    assert read_kept_commands(tmp_path) == KeptCommands()
