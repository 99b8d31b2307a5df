"""Judging a net while it learns, without converting it: quick, and close to what the .tflite will do."""

import cv2
import numpy as np

from edged.families.nms import suppress
from edged.families.ssd_raw import anchors, decode
from edged.types import Detections
from edged_models.detector.checkpoint import Checkpoint
from edged_models.detector.weights import assign, restore
from edged_models.evaluation.look import Look
from edged_models.evaluation.precision import precisions
from edged_models.pictures.labelled import PictureSet
from edged_models.tensorflow import keras, tf

_LEAST_SCORE = 0.05
_MOST_OVERLAP = 0.2


class Validation:
    """Pictures that nothing is learnt from; call it with a checkpoint for its AP50, 0..1, the mean over the classes."""

    def __init__(self, pictures: PictureSet, *, count: int, side_px: int) -> None:
        chosen = np.linspace(0, len(pictures) - 1, min(count, len(pictures))).astype(int)
        self._seen, self._true = [], []
        for index in chosen:
            one = pictures[int(index)]
            self._seen.append(cv2.resize(one.image, (side_px, side_px)))
            self._true.append((one.boxes, one.classes))
        self._table = anchors(side_px, side_px)
        self._model: keras.Model | None = None
        self._side_px = side_px

    def __call__(self, checkpoint: Checkpoint) -> float:
        """AP50 of the checkpoint."""
        if self._model is None:
            self._model = restore(checkpoint, side_px=self._side_px)
        assign(self._model, checkpoint.weights)
        side_px = float(self._side_px)
        looks = [
            Look(
                found=self._detect(self._model, image),
                boxes=boxes,
                classes=classes,
                empty=not len(boxes),
                size_px=(side_px, side_px),
            )
            for image, (boxes, classes) in zip(self._seen, self._true, strict=True)
        ]
        return precisions(looks, len(checkpoint.architecture.labels)).ap50() or 0.0

    def _detect(self, model: keras.Model, image: np.ndarray) -> Detections:
        tensor = tf.constant(image[None], tf.float32) / 255
        codes, scores = (output.numpy()[0] for output in model(tensor, training=False))
        best = scores.max(axis=1)
        rows = np.flatnonzero(best >= _LEAST_SCORE)
        rows = rows[np.argsort(-best[rows], kind="stable")]
        boxes = np.clip(decode(codes[rows], self._table[rows]), 0, 1).astype(np.float32)
        found = Detections(boxes, best[rows], scores[rows].argmax(axis=1).astype(np.int32))
        return found[suppress(found.boxes, found.class_ids, _MOST_OVERLAP)]
