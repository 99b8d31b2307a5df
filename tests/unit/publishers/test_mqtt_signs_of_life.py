"""When a broker counts as silent."""

from edged.publishers.mqtt_signs_of_life import SignsOfLife
from support.clock import FakeClock


def question(signs: SignsOfLife, clock: FakeClock, answer_s: float) -> None:
    signs.record_question()
    clock.sleep(answer_s)
    signs.record_answer()
    clock.sleep(0.3)


def overdue_after_s(signs: SignsOfLife, clock: FakeClock) -> float:
    signs.record_question()
    waited_s = 0.0
    while not signs.is_overdue:
        clock.sleep(0.01)
        waited_s += 0.01
    return waited_s


def test_a_question_is_due_a_quarter_of_a_second_after_the_last_sign_of_life() -> None:
    clock = FakeClock()
    signs = SignsOfLife(clock)
    due = [signs.is_question_due]
    signs.record_question()
    clock.sleep(1)
    due.append(signs.is_question_due)
    signs.record_answer()
    due.append(signs.is_question_due)
    clock.sleep(0.24)
    signs.record_answer()
    clock.sleep(0.24)
    due.append(signs.is_question_due)
    clock.sleep(0.01)
    due.append(signs.is_question_due)
    assert due == [True, False, False, False, True]


def test_an_answer_is_overdue_by_the_speed_of_the_link() -> None:
    for answer_s, wait_s in ((0.001, 0.15), (0.05, 0.35), (0.3, 0.5), (5.0, 0.5)):
        clock = FakeClock()
        signs = SignsOfLife(clock)
        question(signs, clock, answer_s)
        assert abs(overdue_after_s(signs, clock) - wait_s) < 0.03
        signs.record_answer()
        assert not signs.is_overdue


def test_one_slow_answer_is_forgotten() -> None:
    clock = FakeClock()
    signs = SignsOfLife(clock)
    question(signs, clock, 4.0)
    for _ in range(50):
        question(signs, clock, 0.001)
    assert overdue_after_s(signs, clock) < 0.2
