"""What the net is punished for: boxes by generalised IoU, scores by a focal cross entropy towards the box's IoU.

After FCOS (Tian et al. 2019) in which cells answer for which mark, GIoU (Rezatofighi et al. 2019) and VarifocalNet (Zhang et al. 2021).
"""

from dataclasses import dataclass

import tensorflow as tf

from edged.families.ssd_raw import ANCHOR_STRIDES, make_anchors

_RANGES_PX = {8: (0.0, 52.0), 16: (40.0, 116.0), 32: (88.0, 1e9)}
"""Longer sides of the marks that a level answers for; they overlap, so that none falls between."""
_CENTRE_RADIUS_STRIDES = 1.5
_BOX_WEIGHT = 2.0
_NEGATIVE_WEIGHT = 1.0
_MIN_TARGET = 0.1
_UNCLAIMED_AREA = 1e9


@dataclass(frozen=True, slots=True)
class Losses:
    """Scalars of one batch: what is minimised, its two parts, and two measures to watch.

    `iou` is the mean over the cells that answer for a mark; `right` is the share of them whose best class is the true one.
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
        table = tf.constant(make_anchors(side_px, side_px))
        self._anchors = table
        self._centre = tf.reverse(table[:, :2], axis=[1]) * side_px  # x, y
        stride = table[:, 2] * side_px / ANCHOR_STRIDES
        self._stride = stride[None, :, None, None]
        ranges = [_RANGES_PX[round(float(px))] for px in stride]
        self._size_range = tf.constant(ranges, tf.float32)[None, :, None, :]

    def __call__(self, truth: tf.Tensor, codes: tf.Tensor, scores: tf.Tensor) -> Losses:
        """Compare.

        Args:
            truth: (B, M, 5) x1 y1 x2 y2 in pixels, class; class -1 where there is no mark.
            codes: (B, N, 4), the net's boxes.
            scores: (B, N, labels), the net's scores.
        """
        answers, chosen = self._assign_cells(truth)
        wanted = tf.gather(truth, chosen, batch_dims=1)
        kind = tf.cast(tf.maximum(wanted[..., 4], 0), tf.int32)
        count = tf.maximum(tf.reduce_sum(answers), 1.0)
        iou, giou = _compute_iou_and_giou(self._decode(codes), wanted[..., :4])
        box = tf.reduce_sum((1 - giou) * answers) / count
        score = self._score_loss(scores, kind, tf.stop_gradient(iou), answers) / count
        guessed = tf.argmax(scores, axis=-1, output_type=tf.int32)
        right = tf.cast(guessed == kind, tf.float32)
        return Losses(
            total=_BOX_WEIGHT * box + score,
            box=box,
            score=score,
            iou=tf.reduce_sum(iou * answers) / count,
            right=tf.reduce_sum(right * answers) / count,
        )

    def _assign_cells(self, truth: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        """Which cells answer for a mark, (B, N) of 0 and 1, and for which, (B, N) indices: the smallest of those that claim it."""
        low, high = truth[:, None, :, :2], truth[:, None, :, 2:4]
        size, middle = high - low, (low + high) / 2
        away = tf.abs(self._centre[None, :, None, :] - middle)
        # Within 1.5 strides of the middle and within the mark; the one cell that holds the middle always.
        reach = tf.minimum(_CENTRE_RADIUS_STRIDES * self._stride, size / 2)
        near = tf.reduce_all(away < tf.maximum(reach, 0.51 * self._stride), axis=-1)
        longer = tf.reduce_max(size, axis=-1)
        in_range = (longer >= self._size_range[..., 0]) & (longer < self._size_range[..., 1])
        claims = near & in_range & (truth[:, None, :, 4] >= 0)
        area = tf.where(claims, tf.reduce_prod(size, axis=-1), _UNCLAIMED_AREA)
        answers = tf.cast(tf.reduce_any(claims, axis=-1), tf.float32)
        return answers, tf.argmin(area, axis=-1)

    def _decode(self, codes: tf.Tensor) -> tf.Tensor:
        """As `ssd_raw.decode`, in pixels."""
        centre = codes[..., :2] * self._anchors[:, 2:] + self._anchors[:, :2]
        half = tf.exp(tf.minimum(codes[..., 2:], 4.0)) * self._anchors[:, 2:] / 2
        low, high = tf.reverse(centre - half, [-1]), tf.reverse(centre + half, [-1])
        return tf.concat([low, high], axis=-1) * self._side_px

    def _score_loss(
        self, scores: tf.Tensor, class_ids: tf.Tensor, iou: tf.Tensor, assigned: tf.Tensor
    ) -> tf.Tensor:
        target = tf.maximum(iou, _MIN_TARGET) * assigned
        targets = tf.one_hot(class_ids, self._label_count) * target[..., None]
        sure = tf.clip_by_value(scores, 1e-6, 1 - 1e-6)
        entropy = -(targets * tf.math.log(sure) + (1 - targets) * tf.math.log(1 - sure))
        # Every class counts in full at a mark's cells: with the plain varifocal weights the net learnt where, but not what.
        easy = _NEGATIVE_WEIGHT * tf.stop_gradient(tf.square(sure))
        weights = tf.where(assigned[..., None] > 0, 1.0, easy)
        return tf.reduce_sum(weights * entropy)


def _compute_iou_and_giou(a: tf.Tensor, b: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
    """IoU and generalised IoU of boxes (..., 4) pair by pair."""
    low, high = tf.maximum(a[..., :2], b[..., :2]), tf.minimum(a[..., 2:], b[..., 2:])
    shared = tf.reduce_prod(tf.maximum(high - low, 0.0), axis=-1)
    area_a = tf.reduce_prod(a[..., 2:] - a[..., :2], axis=-1)
    area_b = tf.reduce_prod(b[..., 2:] - b[..., :2], axis=-1)
    union = area_a + area_b - shared + 1e-6
    around = tf.maximum(a[..., 2:], b[..., 2:]) - tf.minimum(a[..., :2], b[..., :2])
    hull = tf.reduce_prod(around, axis=-1) + 1e-6
    iou = shared / union
    return iou, iou - (hull - union) / hull
