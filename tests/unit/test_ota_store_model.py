"""Whatever is done to a store, in whatever order, with kills, power cuts and faults in between: it is what a few lines say it is."""

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
from edged.updates.rules.deployment import kept_versions
from edged.updates.rules.ledger import FACTORY
from edged.updates.store.store import rescue
from edged.updates.store.versions import VERSIONS
from support.crashes import one_crash_state
from support.disk import ROOT, FailingFiles, MemoryDisk, PowerCutError
from support.expected import Expected, seen
from support.installation import Device
from support.promises import LEDGER_KEY
from support.sequences import SHELF

MOST_CHANGES = 12
"""Of the disk, in one step: a power cut falls into them or after them."""

KILL, POWER_CUT = "kill", "power cut"

sources = st.sampled_from(sorted(SHELF))
endings = st.sampled_from([KILL, POWER_CUT])


class StoreMachine(RuleBasedStateMachine):
    """A device, its disk, and what is expected of them; every act may be interrupted."""

    @initialize()
    def switch_on(self) -> None:
        self.disk = MemoryDisk()
        self.expected = Expected()
        self.settled = self.expected
        self.rotten: set[str] = set()
        self.boots = 0
        self.device = Device(self.disk, SHELF, boot="0")
        self.device.start()

    @precondition(lambda self: self.expected.underway is None)
    @rule(source=sources)
    def begin(self, source: str) -> None:
        self.device.begin(source)
        self.expected = self.expected.begun(source)

    @precondition(lambda self: self.expected.underway is not None)
    @rule(times=st.integers(1, 6))
    def step(self, times: int) -> None:
        for _ in range(times):
            if self.expected.underway:
                self.expect_step()
                self.device.step()

    @rule()
    def settle(self) -> None:
        self.device.settle()
        self.settled = self.expected
        self.rotten &= {self.expected.current, self.expected.previous}

    @precondition(lambda self: self.expected.underway is None)
    @rule()
    def go_back(self) -> None:
        try:
            self.device.go_back()
        except UpdateError:
            previous = {new.digest: new.manifest.epoch for new in SHELF.values()}
            assert (
                self.expected.current == FACTORY
                or previous.get(self.expected.previous, 0) < self.expected.epoch
                or self.expected.previous in self.rotten
            )
        else:
            self.expected = self.expected.gone_back()

    @rule()
    def kill(self) -> None:
        self.restart(self.disk, booted=False)

    @rule(data=st.data())
    def cut_the_power(self, data: st.DataObject) -> None:
        self.restart(self.crashed(data), booted=True)

    @precondition(lambda self: self.expected.underway is not None)
    @rule(data=st.data(), after=st.integers(0, MOST_CHANGES), ending=endings)
    def interrupt_a_step(self, data: st.DataObject, after: int, ending: str) -> None:
        possible = {self.expected, self.expected.stepped()}
        self.interrupt(self.device.step, data, after, possible, ending)

    @rule(data=st.data(), after=st.integers(0, MOST_CHANGES), ending=endings)
    def interrupt_the_settling(self, data: st.DataObject, after: int, ending: str) -> None:
        self.interrupt(self.device.settle, data, after, {self.expected}, ending)

    @rule(data=st.data(), after=st.integers(0, MOST_CHANGES), ending=endings)
    def interrupt_a_start(self, data: st.DataObject, after: int, ending: str) -> None:
        device = self.new_device(self.disk, booted=False)
        after_start = self.expected.started(booted=False)
        self.interrupt(device.start, data, after, {self.expected, after_start}, ending)

    @precondition(lambda self: self.expected.underway is not None)
    @rule(number=st.integers(1, 40), error=st.sampled_from([errno.ENOSPC, errno.EIO, errno.EROFS]))
    def fail_in_a_step(self, number: int, error: int) -> None:
        files = FailingFiles(self.disk, error, lambda calls: len(calls) == number)
        device = Device(files.as_files(), SHELF, boot=self.device.boot)
        device.ledger = self.device.ledger
        try:
            device.step()
        except StoreError:
            self.device.open()
            self.expect_one_of({self.expected, self.expected.stepped()})
        else:
            self.expect_step()
            self.device.ledger = device.ledger

    @precondition(lambda self: self.expected.underway is None and self.expected.current)
    @rule(which=st.sampled_from(["current", "previous"]))
    def rot(self, which: str) -> None:
        digest = getattr(self.expected, which)
        tree = self.disk.tree()
        path = f"{ROOT.name}/{VERSIONS}/{digest}/model.tflite"
        if path in tree:
            self.rotten.add(digest)
            self.restart(MemoryDisk({**tree, path: b"rotten"}), booted=True)

    @precondition(lambda self: self.expected.underway is None)
    @rule()
    def lose_the_ledger(self) -> None:
        self.settle()  # a lost ledger begins again with the same ids, which real ones do not
        self.expected = replace(self.expected, denied=frozenset())
        self.restart(MemoryDisk({**self.disk.tree(), LEDGER_KEY: b""}), booted=True)

    @invariant()
    def the_ledger_is_as_expected(self) -> None:
        assert seen(self.device.ledger) == self.expected
        assert self.device.store.ledger() == self.device.ledger

    @invariant()
    def what_the_ledger_names_is_whole(self) -> None:
        there = set(self.device.store.versions())
        for digest in kept_versions(self.device.ledger):
            if digest not in self.rotten:
                assert digest in there
                self.device.store.version(digest)

    @invariant()
    def the_links_alone_find_a_version(self) -> None:
        found = rescue(ROOT, self.disk)
        if self.settled.current and self.settled.current not in self.rotten:
            assert found is not None
        if self.settled == self.expected and self.expected.current not in self.rotten:
            assert (found.name if found else FACTORY) == self.expected.current

    def expect_step(self) -> None:
        self.expect(self.expected.stepped())

    def expect(self, expected: Expected) -> None:
        """What has been unpacked is no longer rotten."""
        self.expected, going = expected, expected.underway
        if going and going.state not in {"fetching", "staged"}:
            self.rotten.discard(SHELF[going.source].digest)

    def interrupt(
        self,
        act: Callable[[], None],
        data: st.DataObject,
        after: int,
        possible: set[Expected],
        ending: str,
    ) -> None:
        """The process is killed, or the power is cut, after so many changes of the disk."""
        self.disk.cut_before = len(self.disk.log) + after
        with suppress(PowerCutError):
            act()
        self.disk.cut_before = None
        booted = ending == POWER_CUT
        self.device = self.new_device(self.crashed(data) if booted else self.disk, booted=booted)
        self.device.open()
        self.expect_one_of(possible)
        self.start(booted=booted)

    def expect_one_of(self, possible: set[Expected]) -> None:
        found = seen(self.device.store.ledger())
        assert found in possible
        self.expect(found)

    def crashed(self, data: st.DataObject) -> MemoryDisk:
        def choose(below: int) -> int:
            return data.draw(st.integers(0, below - 1))

        return MemoryDisk(one_crash_state(self.disk.start, self.disk.log, choose))

    def restart(self, disk: MemoryDisk, *, booted: bool) -> None:
        self.device = self.new_device(disk, booted=booted)
        self.start(booted=booted)

    def new_device(self, disk: MemoryDisk, *, booted: bool) -> Device:
        self.boots += booted
        self.disk = disk
        return Device(disk, SHELF, boot=f"{self.boots}")

    def start(self, *, booted: bool) -> None:
        self.device.start()
        self.expected = self.expected.started(booted=booted)
        self.settled = self.expected


@pytest.fixture(autouse=True)
def quiet() -> Iterator[None]:
    logging.disable(logging.ERROR)
    yield
    logging.disable(logging.NOTSET)


def test_the_store_is_what_is_expected_of_it() -> None:
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
def test_the_store_is_what_is_expected_of_it_for_long() -> None:
    run_state_machine_as_test(
        StoreMachine,
        settings=settings(
            max_examples=5000,
            stateful_step_count=60,
            deadline=None,
            suppress_health_check=list(HealthCheck),
        ),
    )
