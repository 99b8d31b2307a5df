"""How good a .tflite is. Run as ``python -m models.marks.evaluate [MODEL ...]``.

It is judged on held-out scenes, plain and hard, in the runtime that the daemon uses.
"""

import argparse
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from edged import bundled
from edged.config.settings import ModelSettings
from edged.marks import MARKS
from edged.pipeline.model import Model, load_model
from edged.types import Detections, Frame, PixelFormat
from edged_models.evaluation.average_precision import Picture, average_precision, hits
from edged_models.marks.dataset import HELD_OUT_SEEDS, Dataset, load
from edged_models.marks.scenes import SIDE_PX

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


def detect(model: Model, image: np.ndarray) -> Detections:
    """(H, W, 3) uint8 RGB -> what the model finds, by the daemon's own encoding and decoding."""
    frame = Frame(
        camera="",
        seq=0,
        captured_ns=0,
        received_ns=0,
        pixels=image,
        format=PixelFormat.RGB24,
        width=image.shape[1],
        height=image.shape[0],
    )
    tensor = model.encoder(frame)
    outputs = model.interpreter.invoke(tensor.array)
    return model.family.decode(outputs, tensor.fit, min_score=0.0)


def judge(model: Model, data: Dataset) -> Result:
    """Run the model over the scenes and count."""
    pictures = []
    for image, rows in zip(data.images, data.truth, strict=True):
        true = rows[rows[:, 4] >= 0]
        found = detect(model, np.ascontiguousarray(image))
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
        model = load_model(ModelSettings(path=path))
        for hard in (False, True):
            data = load(HELD_OUT_SEEDS, hard=hard)
            began_s = time.perf_counter()
            result = judge(model, data)
            print(
                f"{path.name}, {'hard' if hard else 'plain'}: AP50 {result.ap50:.3f}, AP {result.ap:.3f}, "
                f"recall at {_THRESHOLD} {result.recall:.3f}, false alarms a picture without marks {result.false_alarms:.3f} "
                f"({time.perf_counter() - began_s:.0f} s)\n  {result.by_label}",
                flush=True,
            )


if __name__ == "__main__":
    main()
