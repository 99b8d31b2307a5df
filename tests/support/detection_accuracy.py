"""The accuracy of a model on the synthetic camera's scene."""

from collections import Counter
from dataclasses import dataclass, field

import numpy as np

from edged.marks.synthetic_scene import GroundTruth, SyntheticScene
from edged.model.load import Model
from edged.scene.box_arrays import iou_matrix
from edged.types import F32, Detections, Frame

_MIN_VISIBLE_SHARE = 0.6
_MIN_IOU = 0.3


@dataclass
class AccuracyReport:
    """The accuracy on a scene.

    Attributes:
        visible_frames: number of frames in which a mark was fully visible, by its id.
        detected_frames: number of those in which it was detected with the right label.
        longest_false_alarm: longest run of frames with a false detection, or a second one of the same mark.
        false_alarm_frames: number of frames with such a detection.
    """

    visible_frames: Counter[int] = field(default_factory=Counter)
    detected_frames: Counter[int] = field(default_factory=Counter)
    longest_false_alarm: int = 0
    false_alarm_frames: int = 0

    def recall(self, true_id: int) -> float:
        """Return the share of its visible frames in which a mark was detected."""
        return self.detected_frames[true_id] / self.visible_frames[true_id]


def detect(model: Model, bgr: np.ndarray, *, min_score: float) -> Detections:
    """Return the detections in a picture, by the daemon's own encoding and decoding."""
    tensor = model.encoder(Frame.from_pixels(bgr))
    outputs = model.interpreter.invoke(tensor.array)
    return model.family.decode(outputs, tensor.fit, min_score=min_score)


def measure_accuracy(
    model: Model, stage: SyntheticScene, *, frames: int, min_score: float = 0.5
) -> AccuracyReport:
    """Measure the accuracy on the scene's first frames."""
    report = AccuracyReport()
    runs: list[tuple[str, F32, int]] = []
    for k in range(frames):
        found = detect(model, stage.render_frame(k), min_score=min_score)
        truth = stage.get_ground_truth(k)
        labels = [model.label_of(int(c)) for c in found.class_ids]
        for true in truth:
            if true.visible_share >= _MIN_VISIBLE_SHARE:
                report.visible_frames[true.id] += 1
                report.detected_frames[true.id] += _is_detected(true, found, labels)
        wrong = _false_detections(truth, found, labels)
        runs = [(label, box, 1 + _previous_run_length(runs, label, box)) for label, box in wrong]
        report.false_alarm_frames += bool(wrong)
        report.longest_false_alarm = max(
            [report.longest_false_alarm, *(length for _, _, length in runs)]
        )
    return report


def _is_detected(true: GroundTruth, found: Detections, labels: list[str]) -> bool:
    return any(
        label == true.label and _overlap(true.box, box) > _MIN_IOU
        for label, box in zip(labels, found.boxes, strict=True)
    )


def _false_detections(
    truth: tuple[GroundTruth, ...], found: Detections, labels: list[str]
) -> list[tuple[str, F32]]:
    """Return the detections at which no mark of their label is, and all but the best at each mark."""
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


def _previous_run_length(runs: list[tuple[str, F32, int]], label: str, box: F32) -> int:
    return max([0, *(n for name, at, n in runs if name == label and _overlap(at, box) > 0)])


def _overlap(a: F32, b: F32) -> float:
    return float(iou_matrix(a[None], b[None])[0, 0])
