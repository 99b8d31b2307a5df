"""How good a .tflite is. Run as ``python -m models.marks.evaluate [MODEL ...]``.

It is judged on held-out scenes, plain and hard, in the runtime that the daemon uses.
"""

import argparse
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from ai_edge_litert.interpreter import Interpreter

from edged import bundled
from edged.marks import MARKS
from edged.types import Detections
from models.marks.average_precision import Picture, average_precision, hits
from models.marks.dataset import HELD_OUT_SEEDS, Dataset, load
from models.marks.scenes import SIDE_PX

_THRESHOLD = 0.5
_IOUS = np.arange(0.5, 1.0, 0.05)


@dataclass(frozen=True, slots=True)
class Result:
    """Of one model on one set of scenes.

    Attributes:
        ap50: mean over the classes, at IoU 0.5.
        ap: mean over the classes and IoU 0.5 to 0.95.
        by_label: AP50 of each class.
        recall: share of the marks found with a score of at least 0.5.
        false_alarms: detections of at least 0.5 in a picture without any mark, mean.
    """

    ap50: float
    ap: float
    by_label: dict[str, float]
    recall: float
    false_alarms: float


class Detector:
    """A .tflite that ends in the post-process op."""

    def __init__(self, path: Path) -> None:
        self._interpreter = Interpreter(str(path), num_threads=1)
        self._interpreter.allocate_tensors()
        (self._input,) = self._interpreter.get_input_details()
        self._outputs = [one["index"] for one in self._interpreter.get_output_details()]

    def detect(self, image: np.ndarray) -> Detections:
        """(SIDE_PX, SIDE_PX, 3) uint8 RGB -> what it finds, best first."""
        tensor = image[None]
        if self._input["dtype"] == np.float32:
            tensor = tensor.astype(np.float32) / 255
        self._interpreter.set_tensor(self._input["index"], tensor)
        self._interpreter.invoke()
        boxes, classes, scores, count = (self._interpreter.get_tensor(i) for i in self._outputs)
        n = int(count[0])
        yx = np.clip(boxes[0, :n], 0, 1)
        return Detections(yx[:, [1, 0, 3, 2]], scores[0, :n], classes[0, :n].astype(np.int32))


def judge(detector: Detector, data: Dataset) -> Result:
    """Run the detector over the scenes and count."""
    pictures = []
    for image, rows in zip(data.images, data.truth, strict=True):
        true = rows[rows[:, 4] >= 0]
        found = detector.detect(np.asarray(image))
        pictures.append(Picture(found, true[:, :4] / SIDE_PX, true[:, 4].astype(np.int32)))
    table = np.array(
        [
            [average_precision(pictures, c, least_iou=iou) for iou in _IOUS]
            for c in range(len(MARKS))
        ]
    )
    sure = [Picture(p.found[p.found.scores >= _THRESHOLD], p.boxes, p.classes) for p in pictures]
    empty = [len(p.found) for p in sure if not len(p.boxes)]
    found = sum(_found(picture) for picture in sure)
    return Result(
        ap50=float(np.nanmean(table[:, 0])),
        ap=float(np.nanmean(table)),
        by_label=dict(zip(MARKS, table[:, 0].round(3).tolist(), strict=True)),
        recall=found / sum(len(p.boxes) for p in sure),
        false_alarms=float(np.mean(empty)),
    )


def _found(picture: Picture) -> int:
    """How many of the picture's marks were found, and rightly named."""
    return sum(
        sum(
            hits(
                picture.found[picture.found.class_ids == c].boxes,
                picture.boxes[picture.classes == c],
                least_iou=0.5,
            )
        )
        for c in range(len(MARKS))
    )


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("model", type=Path, nargs="*", default=[bundled.model()])
    for path in parser.parse_args().model:
        detector = Detector(path)
        for hard in (False, True):
            data = load(HELD_OUT_SEEDS, hard=hard)
            began_s = time.perf_counter()
            result = judge(detector, data)
            print(
                f"{path.name}, {'hard' if hard else 'plain'}: AP50 {result.ap50:.3f}, AP {result.ap:.3f}, "
                f"recall at {_THRESHOLD} {result.recall:.3f}, false alarms a picture without marks {result.false_alarms:.3f} "
                f"({time.perf_counter() - began_s:.0f} s)\n  {result.by_label}",
                flush=True,
            )


if __name__ == "__main__":
    main()
