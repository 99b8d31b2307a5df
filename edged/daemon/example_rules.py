"""Which frames are hard examples, and how often one is kept. Rules; no I/O."""

from collections.abc import Collection, Iterator, Sequence

from edged.clock import NS_PER_S
from edged.pictures.example import ExampleBox, ExampleReason
from edged.types import ClassNames, DetectedBox

_RETRY_NS = NS_PER_S
"""After an attempt that gave no picture: the frame was gone, for example."""


def is_uncertain(
    detections: Sequence[DetectedBox], start_scores: Sequence[float], margin: float
) -> bool:
    """Return whether the score of a detection is near its threshold.

    Args:
        detections: the detections of one frame.
        start_scores: the thresholds by class id, the last one for all other classes; above 1 for a class that is not reported.
        margin: the largest distance that is near.
    """
    last = len(start_scores) - 1
    return any(
        abs(one.score - start_scores[min(one.class_id, last)]) <= margin for one in detections
    )


def describe_boxes(
    detections: Sequence[DetectedBox],
    start_scores: Sequence[float],
    margin: float,
    *,
    names: ClassNames,
    hidden: Collection[str],
) -> Iterator[ExampleBox]:
    """Yield what is written into a hard example: the detections that would be reported with a threshold lower by the margin.

    Args:
        detections: the detections of one frame, best first.
        start_scores: the thresholds as for `is_uncertain`.
        margin: distance from the threshold.
        names: the names of the model's classes.
        hidden: labels of the objects that are made unrecognisable.
    """
    last = len(start_scores) - 1
    for one in detections:
        if one.score >= start_scores[min(one.class_id, last)] - margin:
            label = names[one.class_id]
            yield ExampleBox(
                label=label,
                score=round(one.score, 4),
                box=one.box,
                is_hidden=label in hidden,
            )


class ExamplePace:
    """When the next hard example of a camera for a reason may be kept."""

    def __init__(self) -> None:
        """Begin with none kept."""
        self._due_ns: dict[tuple[str, ExampleReason], int] = {}
        self._pending: set[tuple[str, ExampleReason]] = set()

    def is_due(self, camera: str, reason: ExampleReason, now_ns: int) -> bool:
        """Return whether to ask for a picture.

        Args:
            camera: name of the camera.
            reason: why the frame is a hard example.
            now_ns: monotonic time.
        """
        key = (camera, reason)
        return key not in self._pending and now_ns >= self._due_ns.get(key, 0)

    def begin(self, camera: str, reason: ExampleReason) -> None:
        """Note that a picture was asked for."""
        self._pending.add((camera, reason))

    def end(self, camera: str, reason: ExampleReason, now_ns: int, kept_s: float | None) -> None:
        """Note the answer.

        Args:
            camera: name of the camera.
            reason: why the frame is a hard example.
            now_ns: monotonic time.
            kept_s: time until the next one, if there is a picture, seconds; None if there is none.
        """
        self._pending.discard((camera, reason))
        wait_ns = _RETRY_NS if kept_s is None else int(kept_s * NS_PER_S)
        self._due_ns[camera, reason] = now_ns + wait_ns
