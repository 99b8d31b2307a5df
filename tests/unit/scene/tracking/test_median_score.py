"""The greatest median of an object's scores."""

from statistics import median

from edged.scene.tracking.median_score import MedianScore
from support.sampling import seeded_random


def test_is_the_greatest_median_of_the_last_ten_scores_at_any_time() -> None:
    draw = seeded_random()
    for _ in range(200):
        scores = [draw.choice([0.0, draw.random()]) for _ in range(draw.randint(1, 40))]
        scores[0] = scores[0] or 0.5
        found = MedianScore(scores[0])
        for score in scores[1:]:
            found.update(score)
        windows = [scores[max(0, end - 10) : end] for end in range(1, len(scores) + 1)]
        assert found.top == max(map(median, windows))


def test_begins_with_the_first_score_and_is_not_padded() -> None:
    found = MedianScore(0.6)
    assert found.top == 0.6
    found.update(0.8)
    assert found.top == 0.7
