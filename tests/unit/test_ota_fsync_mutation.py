"""No sync can be left out: without any one of them, some power cut does harm, and the enumeration finds it.

Left alone are syncs of what is durable already: they are repeated because nobody knows whether it is, after a process was killed or a
sync failed. In just these cases they are tried as well.
"""

import logging
from collections.abc import Iterator
from functools import lru_cache

import pytest

from support.disk import Synced
from support.promises import Verdict, judge
from support.sequences import SEQUENCES, SHELF, Recording, Sequence

INTERRUPTED = [sequence for sequence in SEQUENCES if sequence.name in {"the third", "back"}]


@pytest.fixture(autouse=True)
def quiet() -> Iterator[None]:
    logging.disable(logging.ERROR)
    yield
    logging.disable(logging.NOTSET)


@lru_cache
def recorded(sequence: Sequence) -> tuple[Recording, Verdict]:
    recording = sequence.record()
    return recording, judge(recording.disk, recording.spans, SHELF)


def is_missed(recording: Recording, whole: Verdict, sync: int) -> bool:
    verdict = Verdict(checked=set(whole.checked))
    return bool(judge(recording.disk, recording.spans, SHELF, verdict, without=sync).faults)


def site(recording: Recording, sync: int) -> str:
    event = recording.disk.log[sync]
    assert isinstance(event, Synced)
    return event.site


NEEDED = [
    pytest.param(sequence, sync, id=f"{sequence}-{sync}-{site(recording, sync)}")
    for sequence in SEQUENCES
    for recording in [sequence.record()]
    for sync in recording.needed_syncs()
]


@pytest.mark.parametrize(("sequence", "sync"), NEEDED)
def test_every_sync_is_missed(sequence: Sequence, sync: int) -> None:
    recording, whole = recorded(sequence)
    assert whole.faults == []
    assert is_missed(recording, whole, sync)


@pytest.mark.parametrize("sequence", INTERRUPTED, ids=str)
@pytest.mark.parametrize("interruption", ["killed", "failing"])
def test_every_sync_of_what_an_interruption_left_is_missed(
    sequence: Sequence, interruption: str
) -> None:
    whole, tried = Verdict(), list[str]()
    for recording in (
        sequence.recordings_killed()
        if interruption == "killed"
        else sequence.recordings_failing("sync_folder")
    ):
        judge(recording.disk, recording.spans, SHELF, whole)
        for sync in recording.needed_syncs():
            tried.append(site(recording, sync))
            assert is_missed(recording, whole, sync), (recording.interrupted, tried[-1])
    print(f"{len(tried)} syncs")
    assert tried


def test_no_call_of_a_sync_is_left_out_here() -> None:
    recordings = [sequence.record() for sequence in SEQUENCES]
    for sequence in INTERRUPTED:
        recordings += sequence.recordings_killed()
    needed = {
        site(recording, sync) for recording in recordings for sync in recording.needed_syncs()
    }
    done = {
        event.site
        for recording in recordings
        for event in recording.disk.log
        if isinstance(event, Synced)
    }
    assert needed == done
