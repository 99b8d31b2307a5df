"""A store after random actions in a random order, with kills, power cuts and faults in between, is as a model of a few lines expects it.

`test_crash_states` and `test_disk_faults` interrupt a dozen written sequences at every place; this suite finds the orders that nobody wrote
down: several interruptions after one another, actions between them, damage in the middle. It knows less of each state than the durability
oracle does. `make campaign` runs many more of them.
"""

import errno
import logging
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import replace

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from edged.errors import StoreError, UpdateError
from edged.updates.rules.ledger import FACTORY, referenced_versions
from edged.updates.store.versions import VERSIONS_NAME
from support.crash_states import pick_crash_state
from support.disk import STORE_ROOT, FailingFiles, MemoryDisk, PowerCutError
from support.durability_oracle import LEDGER_PATH, find_linked_version
from support.expected_store import ExpectedStore, expected_from
from support.store_device import StoreDevice
from support.store_sequences import VERSIONS_BY_SOURCE

MAX_CHANGES = 12
"""Changes of the disk in one step: a power cut falls into them or after them."""

KILL, POWER_CUT = "kill", "power cut"

sources = st.sampled_from(sorted(VERSIONS_BY_SOURCE))
endings = st.sampled_from([KILL, POWER_CUT])


class StoreMachine(RuleBasedStateMachine):
    """A device, its disk and their expected state; every action can be interrupted."""

    @initialize()
    def set_up(self) -> None:
        self.disk = MemoryDisk()
        self.expected = ExpectedStore()
        self.last_applied = self.expected
        self.damaged: set[str] = set()
        self.boots = 0
        self.device = StoreDevice(self.disk, VERSIONS_BY_SOURCE, boot="0")
        self.device.start()

    @precondition(lambda self: self.expected.deployment is None)
    @rule(source=sources)
    def begin(self, source: str) -> None:
        self.device.begin(source)
        self.expected = self.expected.after_begin(source)

    @precondition(lambda self: self.expected.deployment is not None)
    @rule(times=st.integers(1, 6))
    def step(self, times: int) -> None:
        for _ in range(times):
            if self.expected.deployment:
                self.expect_step()
                self.device.step()

    @rule()
    def apply_ledger(self) -> None:
        self.device.apply_ledger()
        self.last_applied = self.expected
        self.damaged &= {self.expected.current, self.expected.previous}

    @precondition(lambda self: self.expected.deployment is None)
    @rule()
    def roll_back_to_previous(self) -> None:
        try:
            self.device.roll_back_to_previous()
        except UpdateError:
            previous = {new.digest: new.manifest.epoch for new in VERSIONS_BY_SOURCE.values()}
            assert (
                self.expected.current == FACTORY
                or previous.get(self.expected.previous, 0) < self.expected.epoch
                or self.expected.previous in self.damaged
            )
        else:
            self.expected = self.expected.after_rollback()

    @rule()
    def kill(self) -> None:
        self.restart(self.disk, booted=False)

    @rule(data=st.data())
    def cut_power(self, data: st.DataObject) -> None:
        self.restart(self.crashed(data), booted=True)

    @precondition(lambda self: self.expected.deployment is not None)
    @rule(data=st.data(), after=st.integers(0, MAX_CHANGES), ending=endings)
    def interrupt_a_step(self, data: st.DataObject, after: int, ending: str) -> None:
        possible = {self.expected, self.expected.after_step()}
        self.interrupt(self.device.step, data, after, possible, ending)

    @rule(data=st.data(), after=st.integers(0, MAX_CHANGES), ending=endings)
    def interrupt_apply_ledger(self, data: st.DataObject, after: int, ending: str) -> None:
        self.interrupt(self.device.apply_ledger, data, after, {self.expected}, ending)

    @rule(data=st.data(), after=st.integers(0, MAX_CHANGES), ending=endings)
    def interrupt_a_start(self, data: st.DataObject, after: int, ending: str) -> None:
        device = self.new_device(self.disk, booted=False)
        after_start = self.expected.after_start(booted=False)
        self.interrupt(device.start, data, after, {self.expected, after_start}, ending)

    @precondition(lambda self: self.expected.deployment is not None)
    @rule(number=st.integers(1, 40), error=st.sampled_from([errno.ENOSPC, errno.EIO, errno.EROFS]))
    def fail_in_a_step(self, number: int, error: int) -> None:
        files = FailingFiles(self.disk, error, lambda calls: len(calls) == number)
        device = StoreDevice(files.as_files(), VERSIONS_BY_SOURCE, boot=self.device.boot)
        device.ledger = self.device.ledger
        try:
            device.step()
        except StoreError:
            self.device.open()
            self.expect_one_of({self.expected, self.expected.after_step()})
        else:
            self.expect_step()
            self.device.ledger = device.ledger

    @precondition(lambda self: self.expected.deployment is None and self.expected.current)
    @rule(which=st.sampled_from(["current", "previous"]))
    def damage_version(self, which: str) -> None:
        digest = getattr(self.expected, which)
        tree = self.disk.tree()
        path = f"{STORE_ROOT.name}/{VERSIONS_NAME}/{digest}/model.tflite"
        if path in tree:
            self.damaged.add(digest)
            self.restart(MemoryDisk({**tree, path: b"damaged"}), booted=True)

    @precondition(lambda self: self.expected.deployment is None)
    @rule()
    def lose_the_ledger(self) -> None:
        self.apply_ledger()  # without a ledger, a StoreDevice gives the same ids again; a real device does not
        self.expected = replace(self.expected, denied=frozenset())
        self.restart(MemoryDisk({**self.disk.tree(), LEDGER_PATH: b""}), booted=True)

    @invariant()
    def the_ledger_is_as_expected(self) -> None:
        assert expected_from(self.device.ledger) == self.expected
        assert self.device.store.read_ledger() == self.device.ledger

    @invariant()
    def what_the_ledger_names_is_whole(self) -> None:
        stored = set(self.device.store.list_versions())
        for digest in referenced_versions(self.device.ledger):
            if digest not in self.damaged:
                assert digest in stored
                self.device.store.read_version(digest)

    @invariant()
    def the_links_alone_find_a_version(self) -> None:
        linked = find_linked_version(self.disk, STORE_ROOT)
        if self.last_applied.current and self.last_applied.current not in self.damaged:
            assert linked != FACTORY
        if self.last_applied == self.expected and self.expected.current not in self.damaged:
            assert linked == self.expected.current

    def expect_step(self) -> None:
        self.expect(self.expected.after_step())

    def expect(self, expected: ExpectedStore) -> None:
        """Expect this; a version that has been unpacked is no longer damaged."""
        self.expected, going = expected, expected.deployment
        if going and going.state not in {"fetching", "staged"}:
            self.damaged.discard(VERSIONS_BY_SOURCE[going.source].digest)

    def interrupt(
        self,
        action: Callable[[], None],
        data: st.DataObject,
        after: int,
        possible: set[ExpectedStore],
        ending: str,
    ) -> None:
        """Kill the process, or cut the power, after so many changes of the disk."""
        self.disk.cut_before = len(self.disk.log) + after
        with suppress(PowerCutError):
            action()
        self.disk.cut_before = None
        booted = ending == POWER_CUT
        self.device = self.new_device(self.crashed(data) if booted else self.disk, booted=booted)
        self.device.open()
        self.expect_one_of(possible)
        self.start(booted=booted)

    def expect_one_of(self, possible: set[ExpectedStore]) -> None:
        found = expected_from(self.device.store.read_ledger())
        assert found in possible
        self.expect(found)

    def crashed(self, data: st.DataObject) -> MemoryDisk:
        def choose(below: int) -> int:
            return data.draw(st.integers(0, below - 1))

        return MemoryDisk(pick_crash_state(self.disk.start, self.disk.log, choose))

    def restart(self, disk: MemoryDisk, *, booted: bool) -> None:
        self.device = self.new_device(disk, booted=booted)
        self.start(booted=booted)

    def new_device(self, disk: MemoryDisk, *, booted: bool) -> StoreDevice:
        self.boots += booted
        self.disk = disk
        return StoreDevice(disk, VERSIONS_BY_SOURCE, boot=f"{self.boots}")

    def start(self, *, booted: bool) -> None:
        self.device.start()
        self.expected = self.expected.after_start(booted=booted)
        self.last_applied = self.expected


@pytest.fixture(autouse=True)
def quiet_logging() -> Iterator[None]:
    logging.disable(logging.ERROR)
    yield
    logging.disable(logging.NOTSET)


def test_the_store_is_as_expected() -> None:
    run_state_machine_as_test(
        StoreMachine,
        settings=settings(
            max_examples=80,
            stateful_step_count=40,
            deadline=None,
            suppress_health_check=list(HealthCheck),
        ),
    )


@pytest.mark.campaign
def test_the_store_is_as_expected_for_long() -> None:
    run_state_machine_as_test(
        StoreMachine,
        settings=settings(
            max_examples=5000,
            stateful_step_count=60,
            deadline=None,
            suppress_health_check=list(HealthCheck),
        ),
    )
