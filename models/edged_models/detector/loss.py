"""The training loss: generalised IoU for boxes, and a focal cross entropy towards the box's IoU for scores.

Cells are assigned to marks as in FCOS (Tian et al. 2019); the losses follow GIoU (Rezatofighi et al. 2019) and VarifocalNet
(Zhang et al. 2021).
"""

from dataclasses import dataclass

import tensorflow as tf

from edged.families.ssd_raw import ANCHOR_STRIDES, make_anchors
from edged_models.detector.ground_truth import IGNORED

_RANGES_PX = {8: (0.0, 52.0), 16: (40.0, 116.0), 32: (88.0, 1e9)}
"""By stride: the range of the longer side of marks that are assigned to the level. The ranges overlap, without gaps."""
_CENTRE_RADIUS_STRIDES = 1.5
_BOX_WEIGHT = 2.0
_NEGATIVE_WEIGHT = 1.0
_MIN_TARGET = 0.1
_UNCLAIMED_AREA = 1e9


@dataclass(frozen=True, slots=True)
class Losses:
    """Loss and training metrics of one batch; all are scalar float32.

    Attributes:
        total: the value to minimise.
        box: the boxes' part of it.
        score: the scores' part of it.
        iou: mean over the cells that are assigned to a mark.
        right: share of these cells whose best class is the true one.
    """

    total: tf.Tensor
    box: tf.Tensor
    score: tf.Tensor
    iou: tf.Tensor
    right: tf.Tensor


class DetectionLoss:
    """The loss for one input size."""

    def __init__(self, *, side_px: int, label_count: int) -> None:
        self._label_count = label_count
        self._side_px = float(side_px)
        self._anchors = tf.constant(make_anchors(side_px, side_px))
        self._centre = tf.reverse(self._anchors[:, :2], axis=[1]) * side_px  # x, y
        stride = self._anchors[:, 2] * side_px / ANCHOR_STRIDES
        self._stride = stride[None, :, None, None]
        ranges = [_RANGES_PX[round(float(px))] for px in stride]
        self._size_range = tf.constant(ranges, tf.float32)[None, :, None, :]

    def __call__(self, truth: tf.Tensor, codes: tf.Tensor, scores: tf.Tensor) -> Losses:
        """Compute the loss of one batch of B pictures with N cells.

        Args:
            truth: (B, M, 5) float32, x1 y1 x2 y2 in pixels and class id; the class id is -1 in unused rows, and `IGNORED` in
                rows whose area counts neither as an object nor as background.
            codes: (B, N, 4) float32, the network's box codes.
            scores: (B, N, labels) float32, the network's scores in 0..1.
        """
        assigned, mark_index = self._assign_cells(truth)
        target = tf.gather(truth, mark_index, batch_dims=1)
        class_ids = tf.cast(tf.maximum(target[..., 4], 0), tf.int32)
        count = tf.maximum(tf.reduce_sum(assigned), 1.0)
        iou, giou = _compute_iou_and_giou(self._decode(codes), target[..., :4])
        box = tf.reduce_sum((1 - giou) * assigned) / count
        counted = tf.maximum(assigned, 1 - self._find_ignored_cells(truth))
        score = (
            self._score_loss(scores, class_ids, tf.stop_gradient(iou), assigned, counted) / count
        )
        predicted = tf.argmax(scores, axis=-1, output_type=tf.int32)
        is_right = tf.cast(predicted == class_ids, tf.float32)
        return Losses(
            total=_BOX_WEIGHT * box + score,
            box=box,
            score=score,
            iou=tf.reduce_sum(iou * assigned) / count,
            right=tf.reduce_sum(is_right * assigned) / count,
        )

    def _assign_cells(self, truth: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        """Assign cells to marks: each cell to the smallest mark that matches it.

        Returns:
            (B, N) float32, 1 where a cell is assigned to a mark, else 0; and (B, N) int64, the index of that mark.
        """
        low, high = truth[:, None, :, :2], truth[:, None, :, 2:4]
        size, middle = high - low, (low + high) / 2
        distance = tf.abs(self._centre[None, :, None, :] - middle)
        # A cell matches within 1.5 strides of the mark's middle and within the mark; the cell that has the middle always does.
        radius = tf.minimum(_CENTRE_RADIUS_STRIDES * self._stride, size / 2)
        is_near = tf.reduce_all(distance < tf.maximum(radius, 0.51 * self._stride), axis=-1)
        longer = tf.reduce_max(size, axis=-1)
        in_range = (longer >= self._size_range[..., 0]) & (longer < self._size_range[..., 1])
        matches = is_near & in_range & (truth[:, None, :, 4] >= 0)
        area = tf.where(matches, tf.reduce_prod(size, axis=-1), _UNCLAIMED_AREA)
        assigned = tf.cast(tf.reduce_any(matches, axis=-1), tf.float32)
        return assigned, tf.argmin(area, axis=-1)

    def _find_ignored_cells(self, truth: tf.Tensor) -> tf.Tensor:
        """Return (B, N) float32, 1 where a cell's middle is in an area to ignore, else 0."""
        low, high = truth[:, None, :, :2], truth[:, None, :, 2:4]
        middle = self._centre[None, :, None, :]
        is_inside = tf.reduce_all((middle >= low) & (middle < high), axis=-1)
        is_ignored = is_inside & (truth[:, None, :, 4] == IGNORED)
        return tf.cast(tf.reduce_any(is_ignored, axis=-1), tf.float32)

    def _decode(self, codes: tf.Tensor) -> tf.Tensor:
        """Decode box codes (B, N, 4) to x1 y1 x2 y2 in pixels, as `edged.families.ssd_raw` does."""
        centre = codes[..., :2] * self._anchors[:, 2:] + self._anchors[:, :2]
        half = tf.exp(tf.minimum(codes[..., 2:], 4.0)) * self._anchors[:, 2:] / 2
        low, high = tf.reverse(centre - half, [-1]), tf.reverse(centre + half, [-1])
        return tf.concat([low, high], axis=-1) * self._side_px

    def _score_loss(
        self,
        scores: tf.Tensor,
        class_ids: tf.Tensor,
        iou: tf.Tensor,
        assigned: tf.Tensor,
        counted: tf.Tensor,
    ) -> tf.Tensor:
        target = tf.maximum(iou, _MIN_TARGET) * assigned
        targets = tf.one_hot(class_ids, self._label_count) * target[..., None]
        clipped = tf.clip_by_value(scores, 1e-6, 1 - 1e-6)
        entropy = -(targets * tf.math.log(clipped) + (1 - targets) * tf.math.log(1 - clipped))
        # All classes have full weight at a mark's cells: with the plain varifocal weights the network learnt to locate marks, but
        # not to classify them.
        focal = _NEGATIVE_WEIGHT * tf.stop_gradient(tf.square(clipped))
        weights = tf.where(assigned[..., None] > 0, 1.0, focal)
        return tf.reduce_sum(weights * entropy * counted[..., None])


def _compute_iou_and_giou(a: tf.Tensor, b: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
    """Return IoU and generalised IoU of boxes (..., 4) float32, pair by pair."""
    low, high = tf.maximum(a[..., :2], b[..., :2]), tf.minimum(a[..., 2:], b[..., 2:])
    intersection = tf.reduce_prod(tf.maximum(high - low, 0.0), axis=-1)
    area_a = tf.reduce_prod(a[..., 2:] - a[..., :2], axis=-1)
    area_b = tf.reduce_prod(b[..., 2:] - b[..., :2], axis=-1)
    union = area_a + area_b - intersection + 1e-6
    hull_size = tf.maximum(a[..., 2:], b[..., 2:]) - tf.minimum(a[..., :2], b[..., :2])
    hull = tf.reduce_prod(hull_size, axis=-1) + 1e-6
    iou = intersection / union
    return iou, iou - (hull - union) / hull
