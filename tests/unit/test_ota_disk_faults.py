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
from support.promises import Promise, Witnessed, fault_of
from support.sequences import SEQUENCES, SHELF, Sequence

ERRORS = {errno.ENOSPC: "make room", errno.EIO: "failing", errno.EROFS: "mount it writable"}
PATIENCE = 3
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
def quiet() -> Iterator[None]:
    logging.disable(logging.ERROR)
    yield
    logging.disable(logging.NOTSET)


class Bench:
    """A sequence on a disk that fails."""

    def __init__(self, sequence: Sequence, error: int, fails: Callable[[list[str]], bool]) -> None:
        self.sequence = sequence
        self.error = error
        self.disk = MemoryDisk(sequence.start())
        self.files = FailingFiles(self.disk, error, fails)
        self.device = sequence.device(self.disk, self.files.as_files())

    def attempt(self) -> bool:
        """Whether it came through; if not, nothing but our error came out, and the device is well."""
        try:
            self.sequence.run(self.device)
        except StoreError as error:
            message = str(error)
        else:
            message = ""
        assert is_well(frozenset(self.disk.tree().items()), self.device.promised()) == ""
        if message:
            assert os.strerror(self.error) in message
            assert ERRORS[self.error] in message
        return not message


@cache
def is_well(tree: frozenset[tuple[str, bytes | str | None]], promise: Promise) -> str:
    return fault_of(dict(tree), promise, SHELF)


def at(number: int) -> Callable[[list[str]], bool]:
    return lambda calls: len(calls) == number


@each_kind_and_error
def test_any_call_fails_once(sequence: Sequence, error: int) -> None:
    expected = result(sequence)
    for number in count(1):
        bench = Bench(sequence, error, at(number))
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
def test_any_call_fails_and_another_process_goes_on(sequence: Sequence, error: int) -> None:
    for number in count(1):
        bench = Bench(sequence, error, at(number))
        if bench.attempt():
            if len(bench.files.calls) < number:
                break
            continue
        bench.device = Witnessed(bench.disk, SHELF, promise=bench.device.promised())
        assert bench.attempt()


@each_sequence
def test_the_disk_is_full_for_a_while(sequence: Sequence) -> None:
    """What writes fails for some time; what only reads, or removes, does not."""
    writes = {"write", "create", "append", "make_folder", "link", "sync", "sync_folder", "rename"}
    expected = result(sequence)
    for first in count(1):
        failing = [first]

        def full(calls: list[str], failing: list[int] = failing) -> bool:
            return calls[-1] in writes and sum(call in writes for call in calls) >= failing[0]

        bench = Bench(sequence, errno.ENOSPC, full)
        attempts = [bench.attempt() for _ in range(PATIENCE)]
        if attempts[0]:
            break
        assert not any(attempts)
        failing[0] = 1 << 30
        assert bench.attempt()
        assert bench.disk.tree() == expected
    assert first > 1


def result(sequence: Sequence) -> dict[str, bytes | str | None]:
    return sequence.record().disk.tree()
