"""No sync can be left out: without any one of them, some power cut does harm, and the check of crash states finds it.

`test_crash_states` checks the store; this suite checks that check, and that the store has no sync too many. A sync of what is durable already is
not needed in an undisturbed run: it is there because a process that was killed, or a sync that failed, may have left something that is not
durable. Those are left out in just these cases.

`make test` leaves out each call site's sync once, in a random sequence; `make campaign` leaves out every sync of every sequence.
"""

import logging
from collections.abc import Iterator

import pytest

from support.disk import Synced
from support.durability_oracle import check_crash_states
from support.sampling import Sampler, sampled, seeded_random
from support.store_sequences import SEQUENCES, VERSIONS_BY_SOURCE, SequenceRecording, StoreSequence

SAMPLED_INTERRUPTIONS = 3
"""Interruptions of each kind and sequence in a sample."""
INTERRUPTED = [one for one in SEQUENCES if one.name in {"third version", "rollback"}]
NEEDED = [
    (sequence, recording, sync)
    for sequence in SEQUENCES
    for recording in [sequence.record()]
    for sync in recording.needed_syncs()
]
"""Every needed sync of the undisturbed sequences."""


@pytest.fixture(autouse=True)
def quiet_logging() -> Iterator[None]:
    logging.disable(logging.ERROR)
    yield
    logging.disable(logging.NOTSET)


def is_detected(recording: SequenceRecording, sync: int) -> bool:
    return bool(
        check_crash_states(
            recording.disk, recording.spans, VERSIONS_BY_SOURCE, without_sync=sync
        ).faults
    )


@pytest.mark.campaign
@pytest.mark.parametrize(
    ("recording", "sync"),
    [
        pytest.param(recording, sync, id=f"{sequence}-{sync}-{recording.call_site(sync)}")
        for sequence, recording, sync in NEEDED
    ],
)
def test_every_sync_is_missed(recording: SequenceRecording, sync: int) -> None:
    assert is_detected(recording, sync)


@pytest.mark.parametrize(
    "site", sorted({recording.call_site(sync) for _, recording, sync in NEEDED})
)
def test_a_sync_of_each_call_site_is_missed(site: str) -> None:
    candidates = [one for one in NEEDED if one[1].call_site(one[2]) == site]
    sequence, recording, sync = seeded_random(site).choice(candidates)
    print(f"{sequence}, event {sync}")
    assert is_detected(recording, sync)


@sampled
@pytest.mark.parametrize("sequence", INTERRUPTED, ids=str)
@pytest.mark.parametrize("interruption", ["killed", "failing"])
def test_a_sync_of_what_an_interruption_left_is_missed(
    sequence: StoreSequence, interruption: str, sampler: Sampler
) -> None:
    if interruption == "killed":
        recordings = [sequence.record_killed(event) for event in sequence.kill_points()]
    else:
        numbers = range(1, sequence.calls().count("sync_folder") + 1)
        recordings = [sequence.record_failed("sync_folder", number) for number in numbers]
    needing = [recording for recording in recordings if recording.needed_syncs()]
    assert needing
    for recording in sampler.pick(needing, SAMPLED_INTERRUPTIONS):
        for sync in recording.needed_syncs():
            place = (recording.interrupted_at, recording.call_site(sync))
            assert is_detected(recording, sync), place


def test_every_call_of_sync_is_needed_somewhere() -> None:
    recordings = [recording for _, recording, _ in NEEDED]
    for sequence in INTERRUPTED:
        recordings += map(sequence.record_killed, sequence.kill_points())
    needed = {
        recording.call_site(sync) for recording in recordings for sync in recording.needed_syncs()
    }
    called = {
        event.site
        for recording in recordings
        for event in recording.disk.log
        if isinstance(event, Synced)
    }
    assert needed == called
