"""The motion gate: on which frames the model runs."""

from collections.abc import Iterable

import pytest

from edged.clock import NS_PER_S
from edged.vision.worker.motion_gate import FoundObjects, GateRules, MotionGate

PERSON, CAR = 0, 2


def make_found(class_ids: tuple[int, ...], *, is_borderline: bool = False) -> FoundObjects:
    return FoundObjects(
        strong_class_ids=class_ids, count=len(class_ids), is_borderline=is_borderline
    )


def run(
    gate: MotionGate,
    seconds: float,
    *,
    fps: float = 10,
    start_s: float = 0.0,
    changes: Iterable[tuple[float, float]] = (),
    found: tuple[int, ...] = (),
) -> list[float]:
    """Return the times of the frames on which the model ran.

    Args:
        gate: the gate.
        seconds: duration.
        fps: frames per second.
        start_s: time of the first frame.
        changes: from and to of each time in which the picture changes.
        found: classes of what the model finds in each frame.
    """
    times = []
    for number in range(int(seconds * fps)):
        at_s = start_s + number / fps
        at_ns = int(at_s * NS_PER_S) + 7 * NS_PER_S
        if gate.decide(at_ns, has_changed=any(a <= at_s < b for a, b in changes)):
            gate.record(at_ns, make_found(found))
            times.append(at_s)
    return times


def test_a_picture_at_rest_is_inferred_for_its_first_second_only() -> None:
    assert max(run(MotionGate(GateRules()), 600)) <= 1.0


def test_at_a_low_frame_rate_the_first_five_frames_are_inferred() -> None:
    assert run(MotionGate(GateRules()), 60, fps=2) == [0.0, 0.5, 1.0, 1.5, 2.0]


def test_every_frame_that_changes_is_inferred_and_a_second_more() -> None:
    times = run(MotionGate(GateRules()), 30, changes=[(10.0, 12.0), (20.0, 20.1)])
    expected = [n / 10 for n in range(300) if n <= 10 or 100 <= n <= 129 or 200 <= n <= 210]
    assert times == pytest.approx(expected)


def test_after_one_change_at_a_low_frame_rate_an_object_can_be_confirmed() -> None:
    times = run(MotionGate(GateRules()), 30, fps=1, changes=[(10.0, 10.5)])
    assert times == [0, 1, 2, 3, 4, 10, 11, 12, 13, 14]


def test_what_stands_still_is_looked_at_again_now_and_then() -> None:
    times = run(MotionGate(GateRules(recheck_s=30.0)), 100, found=(CAR,))
    assert [t for t in times if t > 1.0] == pytest.approx([31.0, 61.0, 91.0])


def test_a_recheck_that_finds_something_else_opens_the_gate_until_it_is_certain() -> None:
    gate = MotionGate(GateRules(recheck_s=30.0))
    run(gate, 20, found=(CAR, PERSON))
    times = run(gate, 20, start_s=20, found=(CAR,))
    assert times[0] == pytest.approx(31.0)
    assert times[-1] == pytest.approx(34.0)
    assert len(times) == 31


def test_without_rechecks_what_stands_still_is_left_alone() -> None:
    assert max(run(MotionGate(GateRules(recheck_s=0.0)), 600, found=(CAR,))) <= 1.0


def test_a_disabled_gate_lets_every_frame_pass() -> None:
    assert len(run(MotionGate(GateRules(is_enabled=False)), 10)) == 100


def test_a_reset_is_a_new_beginning() -> None:
    gate = MotionGate(GateRules())
    run(gate, 10)
    gate.reset()
    assert run(gate, 10, start_s=10)[-1] == pytest.approx(11.0)


def test_a_time_line_that_begins_again_is_a_new_beginning() -> None:
    gate = MotionGate(GateRules())
    run(gate, 10, start_s=1000.0)
    assert run(gate, 10)[-1] == pytest.approx(1.0)


def test_the_gate_does_not_close_on_a_frame_that_misses_what_those_before_it_showed() -> None:
    gate = MotionGate(GateRules())
    times = []
    for number in range(50):
        at_ns = number * NS_PER_S // 10
        if gate.decide(at_ns, has_changed=False):
            # Of an object that flickers every other frame is missed, and the first after a second is one of them.
            gate.record(at_ns, make_found(() if number % 2 == 0 else (PERSON,)))
            times.append(number)
    assert times == list(range(12))


def test_an_object_that_is_gone_does_not_keep_the_gate_open() -> None:
    gate = MotionGate(GateRules(recheck_s=0.0))
    run(gate, 1.0, found=(PERSON,))
    assert len(run(gate, 60.0, start_s=1.0)) <= 6


def test_a_score_near_the_threshold_is_looked_at_again_every_second_until_it_is_strong() -> None:
    gate = MotionGate(GateRules())
    weak = FoundObjects(count=1, is_borderline=True)
    strong = FoundObjects(strong_class_ids=(CAR,), count=1, is_borderline=True)
    seconds = []
    for number in range(80):
        at_ns = number * NS_PER_S // 10
        if gate.decide(at_ns, has_changed=False):
            gate.record(at_ns, weak if number < 31 else strong)
            seconds.append(number / 10)
    assert seconds[:14] == [*(n / 10 for n in range(11)), 2.0, 3.0, 4.0]
    assert seconds[14:] == pytest.approx([*(4.1 + n / 10 for n in range(30))])


def test_a_score_that_flickers_for_ever_does_not_keep_the_gate_open() -> None:
    gate, inferred = MotionGate(GateRules(recheck_s=30.0)), 0
    weak = FoundObjects(count=1, is_borderline=True)
    strong = FoundObjects(strong_class_ids=(CAR,), count=1, is_borderline=True)
    for number in range(1200):
        at_ns = number * NS_PER_S // 10
        if gate.decide(at_ns, has_changed=False):
            gate.record(at_ns, strong if number % 3 else weak)
            inferred += 1
    # The first second, one look a second, and three seconds more every thirty.
    assert inferred <= 10 + 120 + 4 * 32 + 10
