"""Messages that the broker will never accept."""

from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

from edged.messaging.spool import MessageLoss, Rank, Spool
from support.clock import FakeClock
from support.spool_files import append_numbered


def encode(seq: int, loss: MessageLoss) -> tuple[str, bytes]:
    return "gap", msgspec.json.encode({"seq": seq, "ranges": loss.ranges})


@pytest.fixture
def spool(tmp_path: Path) -> Iterator[Spool]:
    spool = Spool(tmp_path, max_bytes=20_000, max_age_s=3600, clock=FakeClock(), encode_gap=encode)
    yield spool
    spool.close()


def append(spool: Spool, rank: Rank = Rank.EVENT) -> int:
    return append_numbered(spool.append(rank, "t", lambda _: b"x" * 100))


def test_a_rejected_message_is_replaced_by_a_gap_record(spool: Spool) -> None:
    numbers = [append(spool) for _ in range(3)]
    spool.take_unsent(10)
    assert spool.give_up(numbers[1])
    (gap,) = spool.take_unsent(10)
    assert msgspec.json.decode(gap.loss or b"", type=MessageLoss) == MessageLoss(
        "rejected", ((numbers[1], numbers[1]),), 1
    )
    assert spool.depth == 3
    spool.rewind()
    assert [item.seq for item in spool.take_unsent(10)] == [numbers[0], numbers[2], gap.seq]


def test_an_unknown_number_is_no_error(spool: Spool) -> None:
    assert spool.give_up(append(spool) + 1)
    assert spool.depth == 1


def test_a_rejected_gap_record_is_replaced_by_smaller_ones_and_loses_no_number(
    spool: Spool,
) -> None:
    ranks = (Rank.UPDATE, Rank.EVENT)
    for at in range(400):
        append(spool, ranks[at % 2])
    records = [item for item in spool.take_unsent(1000) if item.loss is not None]
    lost = {number for record in records for number in _numbers(record.loss)}
    assert len(lost) > 100
    sizes = list[int]()
    while records:
        (record,) = records
        sizes.append(len(record.payload))
        if not spool.give_up(record.seq):
            break
        lost |= {record.seq}
        records = spool.take_unsent(10)
        assert lost <= _numbers(records[0].loss)
    assert sizes == sorted(sizes, reverse=True)
    assert sizes[-1] < 100
    assert spool.give_up(records[0].seq) is False, "the smallest record waits"


def _numbers(loss: bytes | None) -> set[int]:
    ranges = msgspec.json.decode(loss or b"", type=MessageLoss).ranges
    return {number for first, last in ranges for number in range(first, last + 1)}
