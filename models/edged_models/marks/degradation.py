"""Degradation of a picture by light, lens, sensor and codec."""

import math

import cv2
import numpy as np
from numpy.typing import NDArray

from edged.marks.mark import random_bool
from edged_models.marks.random_fields import F32, noise

U8 = NDArray[np.uint8]


def degrade(image: U8, rng: np.random.Generator, *, hard: bool) -> U8:
    """Apply lighting, blur, exposure, noise and compression.

    Args:
        image: (H, H, 3) uint8, RGB.
        rng: the source of randomness.
        hard: true for stronger effects.

    Returns:
        (H, H, 3) uint8, RGB.
    """
    severity = 1.6 if hard else 1.0
    picture = _apply_lighting(image.astype(np.float32), rng, severity)
    picture = _apply_blur(picture, rng, severity)
    picture = _apply_exposure(picture, rng, hard=hard)
    picture = _apply_noise(picture, rng, severity)
    degraded = np.clip(picture * 255, 0, 255).astype(np.uint8)
    return _compress(degraded, rng, 20 if hard else 35) if random_bool(rng, 0.6) else degraded


def _apply_noise(picture: F32, rng: np.random.Generator, severity: float) -> F32:
    """Add the sensor's noise to values in 0..1, at random the same in all channels."""
    strength = rng.uniform(0.002, 0.03 * severity**2)
    channels = 1 if random_bool(rng, 0.3) else 3
    grain = rng.standard_normal((*picture.shape[:2], channels), np.float32)
    picture += grain * strength * (0.4 + np.sqrt(np.clip(picture, 0, 1)))
    return picture


def _compress(image: U8, rng: np.random.Generator, min_quality: int) -> U8:
    quality = int(rng.integers(min_quality, 96))
    jpeg = cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, quality])[1]
    return np.asarray(cv2.imdecode(jpeg, cv2.IMREAD_COLOR), np.uint8)


def _apply_lighting(picture: F32, rng: np.random.Generator, severity: float) -> F32:
    """Add a gradient, a cast shadow and glare, each at random."""
    side = picture.shape[0]
    if random_bool(rng, 0.6):
        field = noise(rng, side_px=side, channels=1, cells_px=(128,))
        picture *= np.clip(1 + field * rng.uniform(0.05, 0.3) * severity, 0.25, 1.7)
    if random_bool(rng, 0.2):
        shadow = np.ones((side, side), np.float32)
        corners = (rng.uniform(-0.3, 1.3, (4, 2)) * side).astype(np.int32)
        cv2.fillConvexPoly(shadow, cv2.convexHull(corners), float(rng.uniform(0.35, 0.8)))
        picture *= cv2.GaussianBlur(shadow, (0, 0), rng.uniform(1, 12))[..., None]
    if random_bool(rng, 0.15):
        glare = np.zeros((side, side), np.float32)
        centre = tuple(int(v) for v in rng.uniform(0, side, 2))
        axes = (int(side * rng.uniform(0.03, 0.2)), int(side * rng.uniform(0.02, 0.12)))
        cv2.ellipse(glare, centre, axes, float(rng.uniform(0, 180)), 0, 360, 1.0, -1)
        soft = cv2.GaussianBlur(glare, (0, 0), rng.uniform(3, 14))
        picture += soft[..., None] * rng.uniform(40, 190)
    return picture


def _apply_blur(picture: F32, rng: np.random.Generator, severity: float) -> F32:
    """Blur by defocus or motion, and at random reduce the effective resolution."""
    kind = rng.random()
    if kind < 0.25 * severity:
        picture = cv2.GaussianBlur(picture, (0, 0), rng.uniform(0.3, 1.3 * severity))
    elif kind < 0.4 * severity:
        picture = cv2.filter2D(
            picture, -1, _motion_kernel(rng, int(rng.integers(3, 4 + 4 * severity)))
        )
    if random_bool(rng, 0.2):
        share, side = rng.uniform(0.45, 0.9), picture.shape[0]
        small = cv2.resize(picture, None, fx=share, fy=share, interpolation=cv2.INTER_AREA)
        picture = cv2.resize(small, (side, side), interpolation=cv2.INTER_LINEAR)
    return np.asarray(picture, np.float32)


def _motion_kernel(rng: np.random.Generator, length_px: int) -> F32:
    kernel = np.zeros((length_px, length_px), np.float32)
    middle, angle = (length_px - 1) / 2, rng.uniform(0, math.pi)
    reach = np.array([math.cos(angle), math.sin(angle)]) * middle
    start, end = (middle - reach).astype(int), (middle + reach).astype(int)
    cv2.line(kernel, start.tolist(), end.tolist(), 1.0)
    return kernel / kernel.sum()


def _apply_exposure(picture: F32, rng: np.random.Generator, *, hard: bool) -> F32:
    """Apply gamma, gain, white balance and haze, at random grey; map 0..255 to about 0..1."""
    picture = np.clip(picture, 0, 255) / 255
    if random_bool(rng, 0.6):
        picture = picture ** np.float32(rng.uniform(0.6, 1.7))
    gain = rng.uniform(0.25, 1.3) if hard else rng.uniform(0.5, 1.25)
    picture = picture * (gain * np.clip(rng.normal(1, 0.07, 3), 0.75, 1.3)).astype(np.float32)
    if random_bool(rng, 0.15):
        picture = picture * rng.uniform(0.5, 0.85) + rng.uniform(0, 0.2)
    if random_bool(rng, 0.06):
        picture = np.repeat(picture.mean(axis=2, keepdims=True), 3, axis=2)
    return np.asarray(picture, np.float32)
