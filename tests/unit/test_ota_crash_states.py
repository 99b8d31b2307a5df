"""Whatever the power is cut in, and whatever of it had reached the disk: the right model is there, and the update goes on."""

import logging
from collections.abc import Iterator
from functools import lru_cache

import pytest

from support.crashes import MOST_TOGETHER, most_together
from support.promises import Verdict, judge, judge_starts
from support.sequences import SEQUENCES, SHELF, Sequence

REPEATED = [one for one in SEQUENCES if one.name in {"the third", "back", "mends what has rotted"}]
each_sequence = pytest.mark.parametrize("sequence", SEQUENCES, ids=str)


@pytest.fixture(autouse=True)
def quiet() -> Iterator[None]:
    logging.disable(logging.ERROR)
    yield
    logging.disable(logging.NOTSET)


@lru_cache
def after_one_cut(sequence: Sequence) -> Verdict:
    recording = sequence.record()
    return judge(recording.disk, recording.spans, SHELF)


def beside(verdict: Verdict) -> Verdict:
    """To be continued with what is not in the other one."""
    return Verdict(checked=set(verdict.checked))


@each_sequence
def test_a_power_cut(sequence: Sequence) -> None:
    verdict = after_one_cut(sequence)
    report(verdict)
    assert verdict.faults == []
    recording = sequence.record()
    assert len(verdict.checked) > len(recording.disk.log)
    assert most_together(recording.disk.start, recording.disk.log) <= MOST_TOGETHER


@each_sequence
def test_a_power_cut_and_another_one_while_the_device_starts(sequence: Sequence) -> None:
    verdict = judge_starts(after_one_cut(sequence), SHELF)
    report(verdict)
    assert verdict.faults == []


@each_sequence
def test_a_process_that_is_killed_and_then_a_power_cut(sequence: Sequence) -> None:
    verdict = beside(after_one_cut(sequence))
    for recording in sequence.recordings_killed():
        judge(recording.disk, recording.spans, SHELF, verdict)
    report(verdict)
    assert verdict.faults == []


@pytest.mark.parametrize("sequence", REPEATED, ids=str)
@pytest.mark.parametrize("method", ["sync", "sync_folder"])
def test_a_sync_that_fails_and_then_a_power_cut(sequence: Sequence, method: str) -> None:
    verdict = beside(after_one_cut(sequence))
    for recording in sequence.recordings_failing(method):
        judge(recording.disk, recording.spans, SHELF, verdict)
    report(verdict)
    assert verdict.faults == []


def report(verdict: Verdict) -> None:
    print(f"{len(verdict.checked)} states, {verdict.generated} with repetitions, none left out")
