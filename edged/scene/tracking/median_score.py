"""The median of an object's scores, which one frame with a high score does not raise much."""

_MEDIAN_FRAMES = 10
"""Number of frames of a median."""


class MedianScore:
    """The greatest median of the scores in an object's last frames.

    Attributes:
        top: the greatest median so far.
    """

    __slots__ = ("_scores", "top")

    def __init__(self, score: float) -> None:
        self._scores = [score]
        self.top = score

    def update(self, score: float) -> None:
        """Take in the score in the newest frame; 0 if the object was not detected there."""
        scores = self._scores
        scores.append(score)
        if len(scores) > _MEDIAN_FRAMES:
            del scores[0]
        if not score:
            return  # which raises no median
        ranked = sorted(scores)
        middle = len(ranked) // 2
        median = ranked[middle] if len(ranked) % 2 else (ranked[middle - 1] + ranked[middle]) * 0.5
        self.top = max(self.top, median)
