"""The rule for an object's best picture."""

from edged.clock import NS_PER_S
from edged.daemon.best_picture import BestPicture, value_of

SHARP, BLURRED = 1000.0, 50.0


class Sequence:
    """An object of which every picture that is asked for is made at once, unless it is too blurred."""

    def __init__(self) -> None:
        self.best = BestPicture()
        self.encoded: list[int] = []
        self.kept: list[int] = []

    def show(self, at_ms: int, score: float, side: float, sharpness: float) -> None:
        now_ns = at_ms * NS_PER_S // 1000
        value = value_of(score, (0.0, 0.0, side, side))
        if not self.best.is_worth_a_try(value, now_ns):
            return
        self.best.begin()
        if sharpness < self.best.min_sharpness(value):
            self.best.on_failure(now_ns)
            return
        self.encoded.append(at_ms)
        if self.best.on_picture(value, sharpness, now_ns):
            self.kept.append(at_ms)


def test_the_first_picture_is_taken_at_once_and_a_small_gain_makes_no_other() -> None:
    sequence = Sequence()
    for at_ms in range(0, 10_000, 33):
        sequence.show(at_ms, 0.8, 0.1 + at_ms * 1e-7, SHARP)
    assert sequence.kept == [0]
    assert sequence.encoded == [0]


def test_a_blurred_large_object_makes_no_picture_and_the_sharp_one_after_it_does() -> None:
    sequence = Sequence()
    for at_ms in range(0, 2_000, 33):
        sequence.show(at_ms, 0.6, 0.1, SHARP)
    for at_ms in range(2_000, 4_000, 33):
        sequence.show(at_ms, 0.9, 0.3, BLURRED)
    assert sequence.encoded == [0]
    for at_ms in range(4_000, 6_000, 33):
        sequence.show(at_ms, 0.9, 0.3, SHARP)
    assert len(sequence.kept) == 2
    assert 4_000 <= sequence.kept[1] < 4_300


def test_an_object_that_comes_near_makes_at_most_one_picture_a_second() -> None:
    sequence = Sequence()
    for at_ms in range(0, 10_000, 33):
        sequence.show(at_ms, 0.8, 0.05 + at_ms * 8e-5, SHARP)
    assert 5 <= len(sequence.kept) <= 10
    gaps = [b - a for a, b in zip(sequence.encoded, sequence.encoded[1:], strict=False)]
    assert min(gaps) >= 1000


def test_while_an_answer_is_awaited_no_other_picture_is_asked_for() -> None:
    best = BestPicture()
    best.begin()
    assert not best.is_worth_a_try(1.0, 10 * NS_PER_S)
    best.on_failure(10 * NS_PER_S)
    assert not best.is_worth_a_try(1.0, 10 * NS_PER_S)
    assert best.is_worth_a_try(1.0, 11 * NS_PER_S)


def test_a_picture_without_any_edge_counts_once() -> None:
    best = BestPicture()
    assert best.on_picture(0.1, 0.0, 0)
    assert best.on_picture(0.1, 5.0, 0)
    assert best.min_sharpness(0.0) == 0.0
