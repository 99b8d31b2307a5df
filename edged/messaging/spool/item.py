"""A queued message, and its row in the database with a checksum over all columns."""

import struct
import zlib
from dataclasses import dataclass
from enum import IntEnum
from typing import Any

from edged.errors import SpoolDamageError

COLUMNS = "seq, rank, topic, payload, created_ns, loss, checksum"
_NUMBERS = struct.Struct("<qBqqqq")
_NO_LOSS = -1


class Rank(IntEnum):
    """The importance of a message; the lowest is given up first when there is no room."""

    UPDATE = 0
    EVENT = 1
    GAP = 2


@dataclass(frozen=True, slots=True)
class SpoolItem:
    """A queued message.

    Attributes:
        seq: its number.
        rank: its importance.
        topic: where it is published.
        payload: the bytes that are sent.
        created_ns: running time at which it was made.
        loss: for a gap record, the `MessageLoss` as JSON, so that a later record can include it; otherwise None.
    """

    seq: int
    rank: Rank
    topic: str
    payload: bytes
    created_ns: int
    loss: bytes | None = None


def make_row(item: SpoolItem) -> tuple[int, int, str, bytes, int, bytes | None, int]:
    """Return the item's values in the order of `COLUMNS`."""
    return (
        item.seq,
        int(item.rank),
        item.topic,
        item.payload,
        item.created_ns,
        item.loss,
        compute_checksum(item),
    )


def read_row(row: tuple[Any, ...], *, may_lack_checksum: bool = False) -> SpoolItem:
    """Return the item that a row holds. Text must come from the database as bytes.

    Args:
        row: the values in the order of `COLUMNS`.
        may_lack_checksum: accept a row without a checksum, as versions before 2026-12 wrote it.

    Raises:
        SpoolDamageError: the row is not the one that was written.
    """
    seq, rank, topic, payload, created_ns, loss, checksum = row
    try:
        item = SpoolItem(seq, Rank(rank), topic.decode(), payload, created_ns, loss)
        is_right = checksum == compute_checksum(item) or (checksum is None and may_lack_checksum)
    except (AttributeError, TypeError, ValueError, struct.error):
        is_right = False
    if not is_right:
        raise SpoolDamageError(f"the row with number {seq} is damaged")
    return item


def compute_checksum(item: SpoolItem) -> int:
    """Return the CRC-32 of all values and of their lengths."""
    topic, loss = item.topic.encode(), item.loss
    numbers = _NUMBERS.pack(
        item.seq,
        item.rank,
        item.created_ns,
        len(topic),
        len(item.payload),
        _NO_LOSS if loss is None else len(loss),
    )
    checksum = zlib.crc32(topic, zlib.crc32(numbers))
    return zlib.crc32(loss or b"", zlib.crc32(item.payload, checksum))
