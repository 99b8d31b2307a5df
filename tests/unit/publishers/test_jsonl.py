"""The file of ``[jsonl]`` that vanishes, is cut off, or is a named pipe."""

import json
import os
from pathlib import Path

import pytest

from edged.interfaces import LinkChanged, Notice, OutgoingMessage
from edged.publishers.jsonl import JsonlPublisher, JsonlSettings

MESSAGE = OutgoingMessage(topic="t", payload=b"{}", qos=1, retain=False)


class Bench:
    """A publisher that has been started, and its notices."""

    def __init__(self, path: Path) -> None:
        self.notices: list[Notice] = []
        self.publisher = JsonlPublisher(
            JsonlSettings(path=str(path)),
            device="porch",
            birth=lambda: (),
            will=None,
            on_notice=self.notices.append,
        )
        self.publisher.start()


@pytest.mark.parametrize("is_rotated", [False, True])
def test_a_file_that_was_removed_or_rotated_is_made_again(tmp_path: Path, is_rotated: bool) -> None:  # noqa: FBT001
    path = tmp_path / "out.jsonl"
    bench = Bench(path)
    assert bench.publisher.publish(MESSAGE)
    if is_rotated:
        path.rename(tmp_path / "out.jsonl.1")
        path.touch()
    else:
        path.unlink()
    assert bench.publisher.publish(MESSAGE)
    bench.publisher.close((), 1.0)
    assert len(path.read_text().splitlines()) == 1


def test_a_line_that_was_cut_off_does_not_damage_the_next(tmp_path: Path) -> None:
    path = tmp_path / "out.jsonl"
    path.write_text('{"topic":"t","qo')
    bench = Bench(path)
    assert bench.publisher.publish(MESSAGE)
    bench.publisher.close((), 1.0)
    assert json.loads(path.read_text().splitlines()[1])["topic"] == "t"


def test_a_named_pipe_that_nobody_reads_does_not_hang_the_daemon(tmp_path: Path) -> None:
    path = tmp_path / "pipe"
    os.mkfifo(path)
    bench = Bench(path)
    (notice,) = bench.notices
    assert isinstance(notice, LinkChanged)
    assert not notice.up
    bench.publisher.close((), 1.0)
    with os.fdopen(os.open(path, os.O_RDONLY | os.O_NONBLOCK), "rb") as reader:
        bench = Bench(path)
        assert bench.publisher.publish(MESSAGE)
        bench.publisher.close((), 1.0)
        assert reader.read().endswith(b"\n")
