"""After a power cut at any moment, in any state that it can leave on the disk, the device has the right model and goes on with the update.

Of the four suites about a store that fails, this one proves durability: it enumerates the crash states of every sequence and checks each
against what was guaranteed at that moment. `test_fsync_mutation` shows that this check finds every sync that is missing;
`test_disk_faults` is about calls that return errors while the process lives on; `test_store_state_machine` mixes all of these in orders that
nobody wrote down. `installer/test_crash_states` repeats the enumeration with the real installer and signed bundles.

Every state of a single power cut is checked in each run. Of two interruptions, one after the other, `make test` checks a random sample of each
sequence, and `make campaign` all.
"""

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
from support.sampling import Sampler, sampled
from support.store_sequences import SEQUENCES, VERSIONS_BY_SOURCE, StoreSequence

SAMPLED_STARTS, SAMPLED_KILLS, SAMPLED_FAILURES = 6, 4, 2
"""Interruptions of each sequence in a sample."""
FAILING = [
    one
    for one in SEQUENCES
    if one.name in {"third version", "rollback", "repairs a damaged version"}
]
each_sequence = pytest.mark.parametrize("sequence", SEQUENCES, ids=str)


@pytest.fixture(autouse=True)
def quiet_logging() -> Iterator[None]:
    logging.disable(logging.ERROR)
    yield
    logging.disable(logging.NOTSET)


@lru_cache
def after_one_power_cut(sequence: StoreSequence) -> CrashCheckResult:
    recording = sequence.record()
    return check_crash_states(recording.disk, recording.spans, VERSIONS_BY_SOURCE)


@each_sequence
def test_a_power_cut(sequence: StoreSequence) -> None:
    result = after_one_power_cut(sequence)
    print(result.summary())
    assert result.faults == []
    recording = sequence.record()
    assert len(result.checked_states) > len(recording.disk.log)
    assert (
        max_unsynced_name_changes(recording.disk.start, recording.disk.log)
        <= MAX_UNSYNCED_NAME_CHANGES
    ), "all subsets were tried"


@sampled
@each_sequence
def test_a_power_cut_and_another_one_while_the_device_starts(
    sequence: StoreSequence, sampler: Sampler
) -> None:
    first = after_one_power_cut(sequence)
    states = sampler.pick(first.checked_states, SAMPLED_STARTS)
    result = check_crashes_while_starting(states, VERSIONS_BY_SOURCE, first)
    print(result.summary())
    assert result.faults == []


@sampled
@each_sequence
def test_a_process_that_is_killed_and_then_a_power_cut(
    sequence: StoreSequence, sampler: Sampler
) -> None:
    result = after_one_power_cut(sequence).without_faults()
    for before_event in sampler.pick(sequence.kill_points(), SAMPLED_KILLS):
        recording = sequence.record_killed(before_event)
        check_crash_states(recording.disk, recording.spans, VERSIONS_BY_SOURCE, result)
    print(result.summary())
    assert result.faults == []


@sampled
@pytest.mark.parametrize("sequence", FAILING, ids=str)
@pytest.mark.parametrize("method", ["sync", "sync_folder"])
def test_a_sync_that_fails_and_then_a_power_cut(
    sequence: StoreSequence, method: str, sampler: Sampler
) -> None:
    result = after_one_power_cut(sequence).without_faults()
    numbers = range(1, sequence.calls().count(method) + 1)
    for number in sampler.pick(numbers, SAMPLED_FAILURES):
        recording = sequence.record_failed(method, number)
        check_crash_states(recording.disk, recording.spans, VERSIONS_BY_SOURCE, result)
    print(result.summary())
    assert result.faults == []
