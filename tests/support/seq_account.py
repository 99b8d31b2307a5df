"""The account of a device's sequence numbers, from what a subscriber has recorded. It shares no code with the daemon: only the published contract."""

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import Any


@dataclass
class SeqAccount:
    """What became of the numbers of one device.

    Attributes:
        problems: what the contract does not allow, in words; empty if every number is accounted for.
        first: the lowest number that arrived.
        last: the highest number that arrived.
        delivered: how many numbers arrived.
        repeats: how many messages arrived once more.
        gaps: how many gap records arrived, by reason.
        lost: how many numbers did not arrive and are named by a gap record.
        needlessly_named: how many numbers are named by a gap record although they had arrived, which the contract allows.
    """

    problems: list[str] = field(default_factory=list)
    first: int = 0
    last: int = 0
    delivered: int = 0
    repeats: int = 0
    gaps: dict[str, int] = field(default_factory=dict)
    lost: int = 0
    needlessly_named: int = 0

    def describe(self) -> str:
        """Return the figures on one line."""
        return (
            f"{self.delivered} numbers delivered from {self.first} to {self.last}, {self.repeats} repeats, {self.lost} lost and named, "
            f"{self.needlessly_named} named although delivered, gap records {self.gaps}, {len(self.problems)} problems"
        )


def read_records(path: Path) -> list[dict[str, Any]]:
    """Return the recorded messages; a last line that is not complete yet is left out."""
    lines = path.read_text("utf-8").splitlines(keepends=True)
    return [json.loads(line) for line in lines if line.endswith("\n")]


def account_for(records: Sequence[dict[str, Any]]) -> SeqAccount:
    """Account for every number between the lowest and the highest that arrived."""
    account = SeqAccount()
    contents: dict[int, str] = {}
    highest = 0
    ranges: list[tuple[int, int]] = []
    for record in records:
        payload = json.loads(record["payload"])
        seq = payload["seq"]
        if seq in contents:
            account.repeats += 1
            if contents[seq] != record["payload"]:
                account.problems.append(f"{seq} arrived with different contents")
            continue
        contents[seq] = record["payload"]
        if seq < highest:
            account.problems.append(f"{seq} arrived first after {highest}")
        highest = max(highest, seq)
        late = _find_range(ranges, seq)
        if late is not None:
            account.problems.append(f"{seq} arrived after a gap record had named it ({late})")
        if "edged.gap/" in payload["schema"]:
            _take_gap(account, payload, contents, ranges)
    _count(account, contents, ranges)
    return account


def _take_gap(
    account: SeqAccount,
    payload: dict[str, Any],
    contents: dict[int, str],
    ranges: list[tuple[int, int]],
) -> None:
    reason, named = payload["reason"], [tuple(pair) for pair in payload["ranges"]]
    account.gaps[reason] = account.gaps.get(reason, 0) + 1
    seq = payload["seq"]
    for first, last in named:
        if not 0 < first <= last:
            account.problems.append(f"gap record {seq} names the range {first} to {last}")
        if first <= seq <= last:
            account.problems.append(f"gap record {seq} names itself")
    size = sum(last - first + 1 for first, last in named)
    if payload["count"] is not None and payload["count"] > size:
        account.problems.append(f"gap record {seq} counts {payload['count']} in {size} numbers")
    delivered = sum(1 for number in contents if any(a <= number <= b for a, b in named))
    account.needlessly_named += delivered
    if payload["count"] is not None and payload["count"] > size - delivered:
        account.problems.append(
            f"gap record {seq} ({reason}) counts {payload['count']}, but {delivered} of its {size} had arrived"
        )
    ranges += named


def _count(
    account: SeqAccount,
    contents: dict[int, str],
    ranges: list[tuple[int, int]],
) -> None:
    if not contents:
        return
    account.delivered, account.first, account.last = len(contents), min(contents), max(contents)
    holes = list(_find_holes(sorted(contents)))
    unexplained = [hole for hole in holes if not _covers(ranges, hole)]
    account.lost = sum(last - first + 1 for first, last in holes)
    account.problems += [
        f"{first} to {last} neither arrived nor stand in a gap record"
        for first, last in unexplained
    ]


def _find_holes(numbers: Sequence[int]) -> Iterable[tuple[int, int]]:
    for before, after in pairwise(numbers):
        if after > before + 1:
            yield before + 1, after - 1


def _covers(ranges: Iterable[tuple[int, int]], hole: tuple[int, int]) -> bool:
    """Return whether the ranges together cover a hole."""
    first, last = hole
    for start, end in sorted(ranges):
        if start <= first <= end:
            first = end + 1
    return first > last


def _find_range(ranges: Iterable[tuple[int, int]], seq: int) -> tuple[int, int] | None:
    return next((pair for pair in ranges if pair[0] <= seq <= pair[1]), None)
