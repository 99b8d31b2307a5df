"""Backgrounds without any mark: the scenery behind marks, and objects that must not be detected as marks."""

import math
from collections.abc import Callable

import cv2
import numpy as np
from numpy.typing import NDArray

from edged.marks import backdrop
from edged.marks.mark import random_bool
from edged_models.marks import clutter, hard_negatives, solids
from edged_models.marks.random_fields import F32, noise, random_colour, to_scalar

U8 = NDArray[np.uint8]


def draw_background(rng: np.random.Generator, side_px: int) -> U8:
    """Draw a background, in three of four cases with clutter on it.

    Returns:
        (side_px, side_px, 3) uint8, RGB.
    """
    draw = _BACKGROUNDS[rng.choice(len(_BACKGROUNDS), p=_SHARES)]
    canvas = np.ascontiguousarray(np.clip(draw(rng, side_px), 0, 255), np.uint8)
    for _ in range(int(rng.integers(0, 10)) if random_bool(rng, 0.75) else 0):
        _CLUTTER[rng.choice(len(_CLUTTER), p=_CLUTTER_SHARES)](canvas, rng)
    return canvas


def _room(rng: np.random.Generator, side_px: int) -> F32:
    """Draw the synthetic camera's room."""
    return backdrop.draw_backdrop(rng, width=side_px, height=side_px).astype(np.float32)


def _wall(rng: np.random.Generator, side_px: int) -> F32:
    """Draw plaster, concrete or cloth: one colour with blotches and grain."""
    cells_px = (128, 64, 32) if random_bool(rng, 0.5) else (64, 16, 8, 4)
    blotches = noise(rng, side_px=side_px, channels=3, cells_px=cells_px) * rng.uniform(0.05, 0.5)
    blotches += noise(rng, side_px=side_px, channels=1, cells_px=cells_px)
    grain = noise(rng, side_px=side_px, channels=1, cells_px=(int(rng.choice([2, 4, 8])), 2))
    base = random_colour(rng, 20, 235)
    return base + blotches * rng.uniform(3, 24) + grain * rng.uniform(0, 16)


def _dead_leaves(rng: np.random.Generator, side_px: int) -> F32:
    """Draw opaque shapes over each other, with sizes from a power law: the statistics of natural pictures.

    After Lee, Mumford and Huang, "Occlusion models for natural images" (2001).
    """
    canvas = np.empty((side_px, side_px, 3), np.float32)
    mean = random_colour(rng, 30, 200)
    palette = mean + rng.normal(0, 45, (8, 1)) + rng.normal(0, rng.uniform(4, 40), (8, 3))
    canvas[:] = palette[0]
    for radius in _leaf_radii(rng, side_px):
        shade = np.clip(palette[rng.integers(8)] + rng.normal(0, 12), 0, 255)
        _leaf(canvas, rng, float(radius), to_scalar(shade))
    if random_bool(rng, 0.5):
        canvas = np.asarray(cv2.GaussianBlur(canvas, (0, 0), rng.uniform(0.6, 5)), np.float32)
    canvas *= 1 + noise(rng, side_px=side_px, channels=1, cells_px=(64, 32, 16)) * rng.uniform(
        0.02, 0.16
    )
    grain = noise(rng, side_px=side_px, channels=1, cells_px=(int(rng.choice([4, 8])), 2))
    return canvas + grain * rng.uniform(1, 14)


def _leaf_radii(rng: np.random.Generator, side_px: int) -> NDArray[np.float64]:
    low, high = rng.uniform(0.008, 0.03), rng.uniform(0.15, 0.6)
    count = int(rng.integers(60, 320))
    radii = side_px / np.sqrt(rng.uniform(high**-2, low**-2, count))
    return np.sort(radii)[::-1] if random_bool(rng, 0.6) else radii


def _leaf(canvas: F32, rng: np.random.Generator, radius: float, shade: tuple[float, ...]) -> None:
    x, y = rng.uniform(-0.1, 1.1, 2) * canvas.shape[0]
    kind = rng.choice(["round", "jagged", "twig"], p=[0.45, 0.35, 0.2])
    if kind == "round":
        axes = (max(1, int(radius)), max(1, int(radius * rng.uniform(0.15, 1))))
        turn = float(rng.uniform(0, 180))
        cv2.ellipse(canvas, (int(x), int(y)), axes, turn, 0, 360, shade, -1, cv2.LINE_AA)
    elif kind == "jagged":
        angles = np.sort(rng.uniform(0, 2 * math.pi, int(rng.integers(3, 9))))
        reach = radius * rng.uniform(0.35, 1.2, len(angles))
        corners = np.stack([x + reach * np.cos(angles), y + reach * np.sin(angles)], 1)
        cv2.fillPoly(canvas, [corners.astype(np.int32)], shade, cv2.LINE_AA)
    else:
        dx, dy = rng.normal(0, 3 * radius, 2)
        thick = max(1, int(radius * rng.uniform(0.05, 0.5)))
        cv2.line(canvas, (int(x), int(y)), (int(x + dx), int(y + dy)), shade, thick, cv2.LINE_AA)


def _clouds(rng: np.random.Generator, side_px: int) -> F32:
    """Draw noise with the spectrum of natural pictures, amplitude ~ 1/f (Field 1987), mapped to a few colours."""
    f = np.hypot(np.fft.fftfreq(side_px)[:, None], np.fft.rfftfreq(side_px)[None, :])
    f[0, 0] = 1
    phase = np.exp(2j * math.pi * rng.random(f.shape))
    field = np.fft.irfft2(phase / f ** rng.uniform(0.8, 1.4), s=(side_px, side_px))
    level = (field - field.min()) / np.ptp(field)
    if random_bool(rng, 0.3):  # contours: marble, bark, camouflage
        level = np.round(level * rng.integers(3, 9)) / 8
    stops = np.stack([random_colour(rng) for _ in range(4)])
    at = np.linspace(0, 1, 4)
    return np.stack([np.interp(level, at, stops[:, c]) for c in range(3)], -1).astype(np.float32)


def _strokes(rng: np.random.Generator, side_px: int) -> F32:
    """Draw fur, grass, straw or foliage: many short strokes in a common flow."""
    canvas = np.empty((side_px, side_px, 3), np.float32)
    base = random_colour(rng, 20, 200)
    canvas[:] = base
    flow = noise(rng, side_px=side_px, channels=1, cells_px=(96, 48))[..., 0] * rng.uniform(0.3, 3)
    length, thick = rng.uniform(0.02, 0.1) * side_px, int(rng.integers(1, 5))
    spread = rng.uniform(8, 45)
    for x, y in rng.uniform(0, side_px, (int(rng.integers(300, 900)), 2)):
        angle = flow[int(y), int(x)] + rng.normal(0, 0.25)
        tip = (int(x + length * math.cos(angle)), int(y + length * math.sin(angle)))
        shade = to_scalar(np.clip(base + rng.normal(0, spread), 0, 255))
        cv2.line(canvas, (int(x), int(y)), tip, shade, thick, cv2.LINE_AA)
    return canvas


def _bricks(rng: np.random.Generator, side_px: int) -> F32:
    """Draw bricks, tiles, paving or a facade: one cell repeated, at an angle."""
    canvas = np.empty((side_px, side_px, 3), np.float32)
    canvas[:] = random_colour(rng, 30, 220)
    cell_h = rng.uniform(0.03, 0.2) * side_px
    cell_w = cell_h * rng.uniform(0.6, 3)
    gap, offset = rng.uniform(0.08, 0.4) * cell_h, rng.choice([0.0, 0.5])
    base, spread = random_colour(rng, 20, 230), rng.uniform(1, 25)
    angle = rng.normal(0, 0.25)
    cos, sin = math.cos(angle), math.sin(angle)
    rows, columns = int(1.5 * side_px / cell_h) + 1, int(1.5 * side_px / cell_w) + 1
    for row in range(-2, rows):
        for column in range(-2, columns):
            x, y = (column + offset * (row % 2)) * cell_w, row * cell_h
            at = (x * cos - y * sin, x * sin + y * cos)
            size = (max(1.0, cell_w - gap), max(1.0, cell_h - gap))
            corners = cv2.boxPoints((at, size, math.degrees(angle)))
            shade = to_scalar(np.clip(base + rng.normal(0, spread), 0, 255))
            cv2.fillConvexPoly(canvas, corners.astype(np.int32), shade, cv2.LINE_AA)
    return canvas + noise(rng, side_px=side_px, channels=1, cells_px=(4, 2)) * rng.uniform(0, 10)


def _page(rng: np.random.Generator, side_px: int) -> F32:
    """Draw a page with blocks of text."""
    canvas = np.empty((side_px, side_px, 3), np.uint8)
    canvas[:] = random_colour(rng, 150, 255)
    for _ in range(int(rng.integers(1, 5))):
        x, y = (int(v) for v in rng.uniform(-0.1, 0.7, 2) * side_px)
        clutter.text_block(canvas, rng, (x, y), (int(0.7 * side_px), int(0.6 * side_px)))
    return canvas.astype(np.float32)


def _weave(rng: np.random.Generator, side_px: int) -> F32:
    """Draw animal stripes, camouflage, knitwear or bark: noise of one scale, stretched in one direction, through a soft threshold."""
    cells = rng.integers(6, 48, 2)
    coarse = rng.standard_normal((int(cells[0]), int(cells[1])), np.float32)
    field = cv2.resize(coarse, (side_px, side_px), interpolation=cv2.INTER_CUBIC)
    y, x = np.mgrid[:side_px, :side_px].astype(np.float32)
    sway = noise(rng, side_px=side_px, channels=2, cells_px=(96, 48)) * rng.uniform(0, 12)
    field = cv2.remap(field, x + sway[..., 0], y + sway[..., 1], cv2.INTER_LINEAR)
    level = 1 / (1 + np.exp(-np.clip(rng.uniform(1, 12) * (field - rng.normal(0, 0.4)), -30, 30)))
    dark, light = random_colour(rng, 0, 140), random_colour(rng, 60, 255)
    return np.asarray(dark + (light - dark) * level[..., None], np.float32)


def _web(rng: np.random.Generator, side_px: int) -> F32:
    """Draw folds, edges and shades of no particular object: smooth noise through a random net of three layers.

    After the compositional pattern-producing networks of Stanley (2007).
    """
    width = 6
    field = noise(rng, side_px=side_px, channels=width, cells_px=(128, 48, 16))
    for _ in range(3):
        mixing = rng.normal(0, 1.3, (width, width)).astype(np.float32)
        field = np.tanh(field @ mixing + rng.normal(0, 0.6, width).astype(np.float32))
    base, spread = random_colour(rng, 40, 210), rng.uniform(10, 70)
    tints = rng.normal(0, 1, (width, 3)) * rng.uniform(0.1, 1) + rng.normal(0, 1, (width, 1))
    return np.asarray(base + spread * (field @ tints.astype(np.float32)), np.float32)


_CLUTTER_TABLE: tuple[tuple[Callable[[U8, np.random.Generator], None], float], ...] = (
    (clutter.add_clutter, 0.42),
    (solids.add_solid, 0.42),
    (hard_negatives.add_hard_negative, 0.16),
)
_CLUTTER = tuple(add for add, _ in _CLUTTER_TABLE)
_CLUTTER_SHARES = tuple(share for _, share in _CLUTTER_TABLE)

_TABLE: tuple[tuple[Callable[[np.random.Generator, int], F32], float], ...] = (
    (_room, 0.1),
    (_wall, 0.2),
    (_dead_leaves, 0.22),
    (_clouds, 0.07),
    (_strokes, 0.09),
    (_bricks, 0.1),
    (_page, 0.06),
    (_weave, 0.08),
    (_web, 0.08),
)
_BACKGROUNDS = tuple(draw for draw, _ in _TABLE)
_SHARES = tuple(share for _, share in _TABLE)
