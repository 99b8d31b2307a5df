"""Cheap changes to stored scenes, so that no epoch sees the same pictures."""

import cv2
import numpy as np
from numpy.typing import NDArray

from edged.marks.mark import chance

F32 = NDArray[np.float32]
_LEAST_VISIBLE = 0.4


def batch(images: NDArray[np.uint8], truth: F32, rng: np.random.Generator) -> tuple[F32, F32]:
    """Change a batch.

    Args:
        images: (B, H, H, 3) uint8.
        truth: (B, M, 5) as `Dataset.truth`.
        rng: all that chance depends on.

    Returns:
        (B, H, H, 3) float32 in 0..1, and the truth that belongs to it.
    """
    pairs = [_one(image, rows, rng) for image, rows in zip(images, truth, strict=True)]
    return np.stack([image for image, _ in pairs]), np.stack([rows for _, rows in pairs])


def _one(image: NDArray[np.uint8], rows: F32, rng: np.random.Generator) -> tuple[F32, F32]:
    side, rows = image.shape[0], rows.copy()
    if chance(rng, 0.5):
        image, rows = _moved(image, rows, rng)
    if chance(rng, 0.5):
        image = image[:, ::-1]
        there = rows[:, 4] >= 0
        rows[there, 0], rows[there, 2] = side - rows[there, 2], side - rows[there, 0]
    picture = image.astype(np.float32) / 255
    if chance(rng, 0.4):
        tone = rng.uniform(0.6, 1.35) * rng.uniform(0.88, 1.12, 3).astype(np.float32)
        picture = np.clip(picture * tone + np.float32(rng.uniform(-0.08, 0.08)), 0, 1)
    return picture.astype(np.float32), rows


def _moved(
    image: NDArray[np.uint8], rows: F32, rng: np.random.Generator
) -> tuple[NDArray[np.uint8], F32]:
    """Scaled and shifted; a mark of which too little remains is no longer asked for."""
    side = image.shape[0]
    scale = rng.uniform(0.7, 1.35, 2) if chance(rng, 0.5) else np.repeat(rng.uniform(0.7, 1.35), 2)
    room = side * (1 - scale)
    shift = rng.uniform(np.minimum(room, 0), np.maximum(room, 0))
    matrix = np.array([[scale[0], 0, shift[0]], [0, scale[1], shift[1]]], np.float32)
    grey = rng.uniform(0, 255, 3).tolist()
    moved = cv2.warpAffine(image, matrix, (side, side), borderValue=grey)
    boxes = rows[:, :4] * np.tile(scale, 2) + np.tile(shift, 2)
    inside = np.clip(boxes, 0, side)
    remains = np.prod(inside[:, 2:] - inside[:, :2], axis=1)
    whole = np.prod(boxes[:, 2:] - boxes[:, :2], axis=1)
    keep = (rows[:, 4] >= 0) & (remains > _LEAST_VISIBLE * whole)
    changed = np.full_like(rows, -1)
    changed[keep] = np.column_stack([inside, rows[:, 4]])[keep]
    return np.asarray(moved, np.uint8), changed
