"""A disk on which any call fails, reads too: the error is clear, the old model stays, and the update goes on once the disk works again.

`test_crash_states` is about power cuts and kills; here the process lives on, with what it has in memory, and has to bring that and the disk
together again.

`make test` lets every kind of call fail once in each sequence, and some more at random; `make campaign` every single call.
"""

import errno
import logging
import os
from collections.abc import Callable, Iterable, Iterator
from functools import cache

import pytest

from edged.errors import StoreError
from support.disk import FailingFiles, MemoryDisk
from support.durability_oracle import DurabilityGuarantee, OracleDevice, find_fault
from support.sampling import Sampler, sampled
from support.store_sequences import SEQUENCES, VERSIONS_BY_SOURCE, StoreSequence

ERRORS = {errno.ENOSPC: "make room", errno.EIO: "failing", errno.EROFS: "mount it writable"}
ATTEMPTS = 3
"""Attempts of a device while a fault lasts."""
SAMPLED_WRITES = 4
"""Moments of each sequence at which the disk fills up, in a sample."""
WRITES = {
    "write",
    "create",
    "open_for_append",
    "make_folder",
    "make_link",
    "sync",
    "sync_folder",
    "rename",
}
"""Calls that fail on a full disk."""
KINDS = {
    "third version",
    "self-test fails",
    "trial fails",
    "rollback",
    "repairs a damaged version",
    "damaged ledger",
}
"""Everything that can be done to a store; the other sequences begin with other content."""

each_sequence = pytest.mark.parametrize("sequence", SEQUENCES, ids=str)
each_kind_and_error = pytest.mark.parametrize(
    ("sequence", "error"),
    [
        pytest.param(sequence, error, id=f"{sequence}-{errno.errorcode[error]}")
        for sequence in SEQUENCES
        for error in (ERRORS if sequence.name in KINDS else [errno.ENOSPC])
    ],
)


@pytest.fixture(autouse=True)
def quiet_logging() -> Iterator[None]:
    logging.disable(logging.ERROR)
    yield
    logging.disable(logging.NOTSET)


class FailingDiskBench:
    """A sequence on a disk that fails.

    Args:
        sequence: the sequence.
        error: an `errno`.
        fails: returns whether the last of these calls fails.
    """

    def __init__(
        self, sequence: StoreSequence, error: int, fails: Callable[[list[str]], bool]
    ) -> None:
        self.sequence = sequence
        self.error = error
        self.disk = MemoryDisk(sequence.initial_tree())
        self.files = FailingFiles(self.disk, error, fails)
        self.device = sequence.make_device(self.disk, self.files.as_files())

    def attempt(self) -> bool:
        """Run the sequence and return whether it succeeded; check the error otherwise, and the device in any case."""
        message = None
        try:
            self.sequence.run(self.device)
        except StoreError as error:
            message = str(error)
        tree = frozenset(self.disk.tree().items())
        assert find_fault_in(tree, self.device.current_guarantee()) is None
        if message is not None:
            assert os.strerror(self.error) in message
            assert ERRORS[self.error] in message
        return message is None


@cache
def find_fault_in(
    tree: frozenset[tuple[str, bytes | str | None]], guarantee: DurabilityGuarantee
) -> str | None:
    return find_fault(dict(tree), guarantee, VERSIONS_BY_SOURCE)


def on_call(number: int) -> Callable[[list[str]], bool]:
    return lambda calls: len(calls) == number


def failing_calls(sequence: StoreSequence, sampler: Sampler) -> Iterable[int]:
    """Return the numbers of the calls that are to fail: at least one of each kind."""
    calls = sequence.calls()
    return sampler.pick_each(range(1, len(calls) + 1), lambda number: calls[number - 1])


@sampled
@each_kind_and_error
def test_any_call_fails_once(sequence: StoreSequence, error: int, sampler: Sampler) -> None:
    expected = final_tree(sequence)
    for number in failing_calls(sequence, sampler):
        bench = FailingDiskBench(sequence, error, on_call(number))
        assert bench.attempt() or bench.attempt(), f"call {number}"
        assert bench.disk.tree() == expected, f"call {number}: {bench.files.calls[number - 1]}"


@sampled
@each_kind_and_error
def test_any_call_fails_and_another_process_goes_on(
    sequence: StoreSequence, error: int, sampler: Sampler
) -> None:
    for number in failing_calls(sequence, sampler):
        bench = FailingDiskBench(sequence, error, on_call(number))
        if bench.attempt():
            continue  # in spite of the fault
        bench.device = OracleDevice(
            bench.disk, VERSIONS_BY_SOURCE, guarantee=bench.device.current_guarantee()
        )
        assert bench.attempt(), f"call {number}"


@sampled
@each_sequence
def test_the_disk_is_full_for_a_while(sequence: StoreSequence, sampler: Sampler) -> None:
    """Writing calls fail for some time; reading and removing calls do not."""
    expected = final_tree(sequence)
    write_count = sum(call in WRITES for call in sequence.calls())
    for first in sampler.pick(range(1, write_count + 1), SAMPLED_WRITES):
        failing = [first]

        def full(calls: list[str], failing: list[int] = failing) -> bool:
            return calls[-1] in WRITES and sum(call in WRITES for call in calls) >= failing[0]

        bench = FailingDiskBench(sequence, errno.ENOSPC, full)
        assert [bench.attempt() for _ in range(ATTEMPTS)] == [False] * ATTEMPTS
        failing[0] = 1 << 30
        assert bench.attempt()
        assert bench.disk.tree() == expected


def final_tree(sequence: StoreSequence) -> dict[str, bytes | str | None]:
    return sequence.record().disk.tree()
