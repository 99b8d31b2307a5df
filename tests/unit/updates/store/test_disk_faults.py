"""A disk that fails at any call, those that only read too: a clear error, the old model, and it goes on by itself once the disk does."""

import errno
import logging
import os
from collections.abc import Callable, Iterator
from functools import cache
from itertools import count

import pytest

from edged.errors import StoreError
from support.disk import FailingFiles, MemoryDisk
from support.durability_oracle import DurabilityGuarantee, OracleDevice, find_fault
from support.store_sequences import SEQUENCES, VERSIONS_BY_SOURCE, StoreSequence

ERRORS = {errno.ENOSPC: "make room", errno.EIO: "failing", errno.EROFS: "mount it writable"}
MAX_ATTEMPTS = 3
"""How often a device tries while a fault lasts."""

KINDS = {
    "the third",
    "fails its self-test",
    "fails its trial",
    "back",
    "mends what has rotted",
    "the ledger is damaged",
}
"""All that is done to a store; the other sequences differ in what was there before."""

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
    """A sequence on a disk that fails."""

    def __init__(
        self, sequence: StoreSequence, error: int, fails: Callable[[list[str]], bool]
    ) -> None:
        self.sequence = sequence
        self.error = error
        self.disk = MemoryDisk(sequence.initial_tree())
        self.files = FailingFiles(self.disk, error, fails)
        self.device = sequence.make_device(self.disk, self.files.as_files())

    def attempt(self) -> bool:
        """Whether it came through; if not, nothing but our error came out, and the device is well."""
        try:
            self.sequence.run(self.device)
        except StoreError as error:
            message = str(error)
        else:
            message = ""
        assert (
            find_fault_in(frozenset(self.disk.tree().items()), self.device.current_guarantee())
            == ""
        )
        if message:
            assert os.strerror(self.error) in message
            assert ERRORS[self.error] in message
        return not message


@cache
def find_fault_in(
    tree: frozenset[tuple[str, bytes | str | None]], guarantee: DurabilityGuarantee
) -> str:
    return find_fault(dict(tree), guarantee, VERSIONS_BY_SOURCE)


def on_call(number: int) -> Callable[[list[str]], bool]:
    return lambda calls: len(calls) == number


@each_kind_and_error
def test_any_call_fails_once(sequence: StoreSequence, error: int) -> None:
    expected = final_tree(sequence)
    for number in count(1):
        bench = FailingDiskBench(sequence, error, on_call(number))
        if bench.attempt():
            # It came through either because there are not so many calls, or in spite of the fault.
            if len(bench.files.calls) < number:
                break
        else:
            assert bench.attempt(), f"call {number}"
        assert bench.disk.tree() == expected, f"call {number}: {bench.files.calls[number - 1]}"
    print(f"{number} calls")
    assert number > 10


@each_kind_and_error
def test_any_call_fails_and_another_process_goes_on(sequence: StoreSequence, error: int) -> None:
    for number in count(1):
        bench = FailingDiskBench(sequence, error, on_call(number))
        if bench.attempt():
            if len(bench.files.calls) < number:
                break
            continue
        bench.device = OracleDevice(
            bench.disk, VERSIONS_BY_SOURCE, guarantee=bench.device.current_guarantee()
        )
        assert bench.attempt()


@each_sequence
def test_the_disk_is_full_for_a_while(sequence: StoreSequence) -> None:
    """What writes fails for some time; what only reads, or removes, does not."""
    writes = {
        "write",
        "create",
        "open_for_append",
        "make_folder",
        "make_link",
        "sync",
        "sync_folder",
        "rename",
    }
    expected = final_tree(sequence)
    for first in count(1):
        failing = [first]

        def full(calls: list[str], failing: list[int] = failing) -> bool:
            return calls[-1] in writes and sum(call in writes for call in calls) >= failing[0]

        bench = FailingDiskBench(sequence, errno.ENOSPC, full)
        attempts = [bench.attempt() for _ in range(MAX_ATTEMPTS)]
        if attempts[0]:
            break
        assert not any(attempts)
        failing[0] = 1 << 30
        assert bench.attempt()
        assert bench.disk.tree() == expected
    assert first > 1


def final_tree(sequence: StoreSequence) -> dict[str, bytes | str | None]:
    return sequence.record().disk.tree()
