"""Evaluation of a net during training, without conversion: fast, and close to the figures of the .tflite."""

import cv2
import numpy as np

from edged.families.nms import suppress
from edged.families.ssd_raw import decode_boxes, make_anchors
from edged.types import Detections
from edged_models.detector.checkpoint import Checkpoint
from edged_models.detector.weights import assign_weights, restore_net
from edged_models.evaluation.average_precision import compute_precisions
from edged_models.evaluation.picture_result import PictureResult
from edged_models.pictures.labelled import PictureSet
from edged_models.tensorflow import keras, tf

_MIN_SCORE = 0.05
_MAX_OVERLAP = 0.2


class Validation:
    """Held-out pictures on which checkpoints are evaluated."""

    def __init__(self, pictures: PictureSet, *, count: int, side_px: int) -> None:
        """Read the pictures.

        Args:
            pictures: labelled pictures that are not used for training.
            count: number of pictures to use, spread evenly over the set.
            side_px: side of the square input, pixels.

        Raises:
            PicturesError: a picture cannot be read.
        """
        chosen = np.linspace(0, len(pictures) - 1, min(count, len(pictures))).astype(int)
        self._images, self._truths = [], []
        for index in chosen:
            picture = pictures[int(index)]
            self._images.append(cv2.resize(picture.image, (side_px, side_px)))
            self._truths.append((picture.boxes, picture.classes))
        self._anchors = make_anchors(side_px, side_px)
        self._model: keras.Model | None = None
        self._side_px = side_px

    def __call__(self, checkpoint: Checkpoint) -> float:
        """Return the AP50 of a checkpoint, 0..1, the mean over the classes.

        Raises:
            SourceError: the checkpoint lacks weights.
        """
        if self._model is None:
            self._model = restore_net(checkpoint, side_px=self._side_px)
        assign_weights(self._model, checkpoint.weights)
        results = [
            self._test(self._model, image, boxes, classes)
            for image, (boxes, classes) in zip(self._images, self._truths, strict=True)
        ]
        return compute_precisions(results, len(checkpoint.architecture.labels)).ap50() or 0.0

    def _test(
        self, model: keras.Model, image: np.ndarray, boxes: np.ndarray, classes: np.ndarray
    ) -> PictureResult:
        side_px = float(self._side_px)
        return PictureResult(
            detections=self._detect(model, image),
            true_boxes=boxes,
            true_class_ids=classes,
            is_empty=not len(boxes),
            size_px=(side_px, side_px),
        )

    def _detect(self, model: keras.Model, image: np.ndarray) -> Detections:
        tensor = tf.constant(image[None], tf.float32) / 255
        codes, scores = (output.numpy()[0] for output in model(tensor, training=False))
        best = scores.max(axis=1)
        rows = np.flatnonzero(best >= _MIN_SCORE)
        rows = rows[np.argsort(-best[rows], kind="stable")]
        boxes = np.clip(decode_boxes(codes[rows], self._anchors[rows]), 0, 1).astype(np.float32)
        class_ids = scores[rows].argmax(axis=1).astype(np.int32)
        detections = Detections(boxes, best[rows], class_ids)
        return detections[suppress(boxes, class_ids, _MAX_OVERLAP)]
