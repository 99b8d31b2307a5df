"""Cheap random augmentation, so that no sample is used twice in the same form; it also resizes to the net's input."""

import cv2
import numpy as np
from numpy.typing import NDArray

from edged.marks.mark import random_bool
from edged_models.detector.ground_truth import NO_BOX

U8 = NDArray[np.uint8]
F32 = NDArray[np.float32]
_MIN_VISIBLE_SHARE = 0.4


def augment_batch(
    images: U8, truth: F32, rng: np.random.Generator, *, side_px: int
) -> tuple[F32, F32]:
    """Augment a batch.

    Args:
        images: (B, S, S, 3) uint8, RGB.
        truth: (B, M, 5) float32, as `TrainingSample.truth`.
        rng: the source of randomness.
        side_px: side of the net's input, pixels.

    Returns:
        (B, side_px, side_px, 3) float32 in 0..1, and the transformed ground truth, (B, M, 5) float32.
    """
    pairs = [
        _augment_picture(image, rows, rng, side_px=side_px)
        for image, rows in zip(images, truth, strict=True)
    ]
    return np.stack([image for image, _ in pairs]), np.stack([rows for _, rows in pairs])


def _augment_picture(
    image: U8, rows: F32, rng: np.random.Generator, *, side_px: int
) -> tuple[F32, F32]:
    scale = np.ones(2)
    if random_bool(rng, 0.5):
        scale = rng.uniform(0.7, 1.35, 2 if random_bool(rng, 0.5) else 1) * scale
    room = side_px * (1 - scale)
    shift = rng.uniform(np.minimum(room, 0), np.maximum(room, 0))
    scale = scale * (side_px / image.shape[0])
    if random_bool(rng, 0.5):
        # Mirrored: x becomes width - x.
        scale[0], shift[0] = -scale[0], side_px - shift[0]
    warped = _warp_picture(image, rng, scale, shift, side_px=side_px)
    picture = warped.astype(np.float32) / 255
    if random_bool(rng, 0.4):
        tone = rng.uniform(0.6, 1.35) * rng.uniform(0.88, 1.12, 3).astype(np.float32)
        picture = np.clip(picture * tone + np.float32(rng.uniform(-0.08, 0.08)), 0, 1)
    return picture.astype(np.float32), _transform_boxes(rows, scale, shift, side_px=side_px)


def _warp_picture(
    image: U8, rng: np.random.Generator, scale: F32, shift: F32, *, side_px: int
) -> NDArray[np.uint8]:
    matrix = np.array([[scale[0], 0, shift[0]], [0, scale[1], shift[1]]], np.float32)
    # In OpenCV pixel centres have integer coordinates; box coordinates count from the edge of a pixel.
    matrix[:, 2] += 0.5 * (matrix[:, 0] + matrix[:, 1]) - 0.5
    grey = rng.uniform(0, 255, 3).tolist()
    # Bilinear without smoothing, as the daemon shrinks frames.
    warped = cv2.warpAffine(image, matrix, (side_px, side_px), borderValue=grey)
    return np.asarray(warped, np.uint8)


def _transform_boxes(rows: F32, scale: F32, shift: F32, *, side_px: int) -> F32:
    """Transform the boxes, and drop those of which too little remains."""
    corners = rows[:, :4].reshape(-1, 2, 2) * scale + shift
    boxes = np.concatenate([corners.min(axis=1), corners.max(axis=1)], axis=1)
    inside = np.clip(boxes, 0, side_px)
    visible_area = np.prod(inside[:, 2:] - inside[:, :2], axis=1)
    area = np.prod(boxes[:, 2:] - boxes[:, :2], axis=1)
    keep = (rows[:, 4] != NO_BOX) & (visible_area > _MIN_VISIBLE_SHARE * area)
    moved = np.full_like(rows, NO_BOX)
    moved[keep] = np.column_stack([inside, rows[:, 4]])[keep]
    return moved
