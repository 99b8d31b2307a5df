"""No sync can be left out: without any one of them, some power cut does harm, and the enumeration finds it.

Left alone are syncs of what is durable already: they are repeated because nobody knows whether it is, after a process was killed or a
sync failed. In just these cases they are tried as well.
"""

import logging
from collections.abc import Iterator
from functools import lru_cache

import pytest

from support.disk import Synced
from support.durability_oracle import CrashCheckResult, check_crash_states
from support.store_sequences import SEQUENCES, VERSIONS_BY_SOURCE, SequenceRecording, StoreSequence

INTERRUPTED = [sequence for sequence in SEQUENCES if sequence.name in {"the third", "back"}]


@pytest.fixture(autouse=True)
def quiet_logging() -> Iterator[None]:
    logging.disable(logging.ERROR)
    yield
    logging.disable(logging.NOTSET)


@lru_cache
def record_and_check(sequence: StoreSequence) -> tuple[SequenceRecording, CrashCheckResult]:
    recording = sequence.record()
    return recording, check_crash_states(recording.disk, recording.spans, VERSIONS_BY_SOURCE)


def is_detected(recording: SequenceRecording, whole: CrashCheckResult, sync: int) -> bool:
    verdict = CrashCheckResult(checked_states=set(whole.checked_states))
    return bool(
        check_crash_states(
            recording.disk, recording.spans, VERSIONS_BY_SOURCE, verdict, without_sync=sync
        ).faults
    )


def site(recording: SequenceRecording, sync: int) -> str:
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
def test_every_sync_is_missed(sequence: StoreSequence, sync: int) -> None:
    recording, whole = record_and_check(sequence)
    assert whole.faults == []
    assert is_detected(recording, whole, sync)


@pytest.mark.parametrize("sequence", INTERRUPTED, ids=str)
@pytest.mark.parametrize("interruption", ["killed", "failing"])
def test_every_sync_of_what_an_interruption_left_is_missed(
    sequence: StoreSequence, interruption: str
) -> None:
    whole, tried = CrashCheckResult(), list[str]()
    for recording in (
        sequence.record_with_kills()
        if interruption == "killed"
        else sequence.record_with_failures("sync_folder")
    ):
        check_crash_states(recording.disk, recording.spans, VERSIONS_BY_SOURCE, whole)
        for sync in recording.needed_syncs():
            tried.append(site(recording, sync))
            assert is_detected(recording, whole, sync), (recording.interrupted_at, tried[-1])
    print(f"{len(tried)} syncs")
    assert tried


def test_no_call_of_a_sync_is_left_out_here() -> None:
    recordings = [sequence.record() for sequence in SEQUENCES]
    for sequence in INTERRUPTED:
        recordings += sequence.record_with_kills()
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
