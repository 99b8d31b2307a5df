"""A model before the synthetic camera's scene, its detections held against the truth."""

from collections import Counter
from dataclasses import dataclass, field

import numpy as np

from edged.marks.stage import Stage, TrueObject
from edged.model.load import Model
from edged.scene.geometry import iou_matrix
from edged.types import F32, Detections, Frame

_PLAIN_SIGHT = 0.6
_SAME_PLACE = 0.3


@dataclass
class Report:
    """What came of it.

    Attributes:
        seen: frames in which a mark was in plain sight, by its id.
        found: those of them in which it was detected, rightly named.
        longest_alarm: frames in a row with a detection where nothing of that kind is, or a second one of one mark.
        alarms: frames with such a detection.
    """

    seen: Counter[int] = field(default_factory=Counter)
    found: Counter[int] = field(default_factory=Counter)
    longest_alarm: int = 0
    alarms: int = 0

    def share(self, true_id: int) -> float:
        """In what share of its frames a mark was found."""
        return self.found[true_id] / self.seen[true_id]


def detect(model: Model, bgr: np.ndarray, *, min_score: float) -> Detections:
    """Through the daemon's own encoding and decoding."""
    tensor = model.encoder(Frame.still(bgr))
    outputs = model.interpreter.invoke(tensor.array)
    return model.family.decode(outputs, tensor.fit, min_score=min_score)


def audition(model: Model, stage: Stage, *, frames: int, min_score: float = 0.5) -> Report:
    """Run the model over the scene's first frames."""
    report = Report()
    runs: list[tuple[str, F32, int]] = []
    for k in range(frames):
        found = detect(model, stage.frame(k), min_score=min_score)
        truth = stage.truth(k)
        labels = [model.label_of(int(c)) for c in found.class_ids]
        for true in truth:
            if true.visible >= _PLAIN_SIGHT:
                report.seen[true.id] += 1
                report.found[true.id] += _names(true, found, labels)
        wrong = _unexplained(truth, found, labels)
        runs = [(label, box, 1 + _run_before(runs, label, box)) for label, box in wrong]
        report.alarms += bool(wrong)
        report.longest_alarm = max([report.longest_alarm, *(length for _, _, length in runs)])
    return report


def _names(true: TrueObject, found: Detections, labels: list[str]) -> bool:
    return any(
        label == true.label and _overlap(true.box, box) > _SAME_PLACE
        for label, box in zip(labels, found.boxes, strict=True)
    )


def _unexplained(
    truth: tuple[TrueObject, ...], found: Detections, labels: list[str]
) -> list[tuple[str, F32]]:
    """Detections where nothing of their kind is, and all but the best of those at one mark."""
    left = {true.id: true for true in truth}
    wrong = []
    for label, box in zip(labels, found.boxes, strict=True):
        here = [
            true for true in left.values() if true.label == label and _overlap(true.box, box) > 0
        ]
        if here:
            del left[here[0].id]
        else:
            wrong.append((label, box))
    return wrong


def _run_before(runs: list[tuple[str, F32, int]], label: str, box: F32) -> int:
    return max([0, *(n for name, at, n in runs if name == label and _overlap(at, box) > 0)])


def _overlap(a: F32, b: F32) -> float:
    return float(iou_matrix(a[None], b[None])[0, 0])
