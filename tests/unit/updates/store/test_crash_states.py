"""Whatever the power is cut in, and whatever of it had reached the disk: the right model is there, and the update goes on."""

import logging
from collections.abc import Iterator
from functools import lru_cache

import pytest

from support.crash_states import MAX_UNSYNCED_NAME_CHANGES, max_unsynced_name_changes
from support.durability_oracle import (
    CrashCheckResult,
    check_crash_states,
    check_crashes_while_starting,
)
from support.store_sequences import SEQUENCES, VERSIONS_BY_SOURCE, StoreSequence

REPEATED = [one for one in SEQUENCES if one.name in {"the third", "back", "mends what has rotted"}]
each_sequence = pytest.mark.parametrize("sequence", SEQUENCES, ids=str)


@pytest.fixture(autouse=True)
def quiet_logging() -> Iterator[None]:
    logging.disable(logging.ERROR)
    yield
    logging.disable(logging.NOTSET)


@lru_cache
def after_one_cut(sequence: StoreSequence) -> CrashCheckResult:
    recording = sequence.record()
    return check_crash_states(recording.disk, recording.spans, VERSIONS_BY_SOURCE)


def continued_from(result: CrashCheckResult) -> CrashCheckResult:
    """To be continued with what is not in the other one."""
    return CrashCheckResult(checked_states=set(result.checked_states))


@each_sequence
def test_a_power_cut(sequence: StoreSequence) -> None:
    verdict = after_one_cut(sequence)
    report(verdict)
    assert verdict.faults == []
    recording = sequence.record()
    assert len(verdict.checked_states) > len(recording.disk.log)
    assert (
        max_unsynced_name_changes(recording.disk.start, recording.disk.log)
        <= MAX_UNSYNCED_NAME_CHANGES
    )


@each_sequence
def test_a_power_cut_and_another_one_while_the_device_starts(sequence: StoreSequence) -> None:
    verdict = check_crashes_while_starting(after_one_cut(sequence), VERSIONS_BY_SOURCE)
    report(verdict)
    assert verdict.faults == []


@each_sequence
def test_a_process_that_is_killed_and_then_a_power_cut(sequence: StoreSequence) -> None:
    verdict = continued_from(after_one_cut(sequence))
    for recording in sequence.record_with_kills():
        check_crash_states(recording.disk, recording.spans, VERSIONS_BY_SOURCE, verdict)
    report(verdict)
    assert verdict.faults == []


@pytest.mark.parametrize("sequence", REPEATED, ids=str)
@pytest.mark.parametrize("method", ["sync", "sync_folder"])
def test_a_sync_that_fails_and_then_a_power_cut(sequence: StoreSequence, method: str) -> None:
    verdict = continued_from(after_one_cut(sequence))
    for recording in sequence.record_with_failures(method):
        check_crash_states(recording.disk, recording.spans, VERSIONS_BY_SOURCE, verdict)
    report(verdict)
    assert verdict.faults == []


def report(result: CrashCheckResult) -> None:
    print(
        f"{len(result.checked_states)} states, {result.generated_states} with repetitions, none left out"
    )
