"""Effects on a mark before the camera sees it: halftone print, screen pixels, a curved surface."""

import math

import cv2
import numpy as np

from edged.marks import Mark
from edged.marks.mark import random_bool
from edged_models.marks.random_fields import F32

_EDGE_POINTS = 9
"""Points for each side of an outline, so that its box is right on a curved surface."""


def simulate_print(mark: Mark, rng: np.random.Generator) -> Mark:
    """Return the mark as a halftone print, or on a screen with visible pixels."""
    height, width = mark.alpha.shape
    y, x = np.mgrid[:height, :width].astype(np.float32)
    tone = mark.rgb.astype(np.float32) / 255
    if random_bool(rng, 0.6):
        angle, pitch_px = rng.uniform(0, math.pi / 2), rng.uniform(3, 7)
        turn = 2 * math.pi / pitch_px
        u = (x * math.cos(angle) + y * math.sin(angle)) * turn
        v = (y * math.cos(angle) - x * math.sin(angle)) * turn
        dots = (0.5 + 0.25 * (np.cos(u) + np.cos(v)))[..., None]
        dotted = np.clip((tone - dots) * rng.uniform(2, 8) + tone, 0, 1)
        tone += (dotted - tone) * np.float32(rng.uniform(0.15, 0.7))
    else:
        pitch_px = int(rng.integers(2, 5))
        dark = np.float32(rng.uniform(0.1, 0.45))
        lines = 1 - dark * ((x % pitch_px < 1) | (y % pitch_px < 1))
        glow = rng.uniform(0.0, 0.12)
        tone = (tone * (1 - glow) + glow) * lines[..., None].astype(np.float32)
    return Mark(np.clip(tone * 255, 0, 255).astype(np.uint8), mark.alpha, mark.outline)


def simulate_curl(mark: Mark, rng: np.random.Generator) -> Mark:
    """Return the mark on an upright or a lying cylinder, as a label on a bottle or a page of a book."""
    bend, sag = rng.uniform(0.3, 1.25), rng.uniform(-0.25, 0.25)
    lying = random_bool(rng, 0.5)
    flat = _transpose(mark) if lying else mark
    height, width = flat.alpha.shape
    room = int(abs(sag) * height) + 1
    y, x = np.mgrid[: height + room, :width].astype(np.float32)
    around = np.arcsin((2 * x / max(width - 1, 1) - 1) * math.sin(bend))
    from_x = (around / bend + 1) / 2 * (width - 1)
    from_y = y - _sag_offset(around, bend, sag) * height
    rgb = cv2.remap(flat.rgb, from_x, from_y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    alpha = cv2.remap(flat.alpha, from_x, from_y, cv2.INTER_LINEAR)
    outline = _bend_outline(_subdivide_outline(flat.outline), bend, sag, height, room)
    shade = 1 - abs(sag) * rng.uniform(0, 0.8)
    rgb = np.clip(rgb * np.float32(shade), 0, 255).astype(np.uint8)
    curled = Mark(rgb, alpha, outline)
    return _transpose(curled) if lying else curled


def _transpose(mark: Mark) -> Mark:
    """Return the mark with rows and columns exchanged."""
    rgb = np.ascontiguousarray(mark.rgb.swapaxes(0, 1))
    return Mark(rgb, np.ascontiguousarray(mark.alpha.T), mark.outline[:, ::-1])


def _sag_offset(around: F32, bend: float, sag: float) -> F32:
    """Return the downward shift of points, in heights: greatest at the ends, or in the middle if `sag` is negative."""
    deep = (1 - np.cos(around)) / (1 - math.cos(bend))
    return np.asarray(sag * deep if sag > 0 else -sag * (1 - deep), np.float32)


def _bend_outline(outline: F32, bend: float, sag: float, height: int, room: int) -> F32:
    around = (2 * outline[:, 0] - 1) * bend
    x = (np.sin(around) / math.sin(bend) + 1) / 2
    y = (outline[:, 1] + _sag_offset(around, bend, sag)) * height / (height + room)
    return np.stack([x, y], axis=1).astype(np.float32)


def _subdivide_outline(outline: F32) -> F32:
    """Return the same outline with more points along its sides."""
    shares = np.linspace(0, 1, _EDGE_POINTS, endpoint=False)[:, None]
    following = np.roll(outline, -1, axis=0)
    sides = [a + (b - a) * shares for a, b in zip(outline, following, strict=True)]
    return np.concatenate(sides).astype(np.float32)
