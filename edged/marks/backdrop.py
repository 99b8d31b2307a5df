"""The backdrop of the synthetic scene, a plain room: a wall, shelves with boxes, a window, a poster, a plant."""

import math

import cv2
import numpy as np

from edged.marks.mark import U8, random_bool, random_colour
from edged.types import F32

_WORDS = [
    "the",
    "quick",
    "brown",
    "fox",
    "jumps",
    "over",
    "a",
    "lazy",
    "dog",
    "while",
    "nobody",
    "looks",
    "at",
    "lot",
    "4711",
    "of",
    "12",
    "pcs",
]


def draw_backdrop(rng: np.random.Generator, *, width: int, height: int) -> U8:
    """Draw a room that contains no mark.

    Args:
        rng: source of all variation.
        width: width of the picture in pixels.
        height: height of the picture in pixels.

    Returns:
        (H, W, 3) uint8, RGB.
    """
    canvas = _wall(rng, width, height)
    draw_functions = [_window, _poster, _shelf, _plant, _shelf]
    for place, draw in enumerate(rng.permutation(np.array(draw_functions, object))):
        x = width * (place + rng.uniform(-0.1, 0.4)) / len(draw_functions)
        draw(canvas, rng, (int(x), int(height * rng.uniform(0.05, 0.6))))
    blurred = cv2.GaussianBlur(canvas, (0, 0), max(0.6, width / 640))
    return np.asarray(np.clip(blurred * _lighting(rng, width, height), 0, 255), np.uint8)


def _wall(rng: np.random.Generator, width: int, height: int) -> U8:
    """Draw a wall above a floor, each in one greyish colour with a coarse grain."""
    canvas = np.empty((height, width, 3), np.float32)
    canvas[:] = _greyish_colour(rng, 110, 205)
    canvas[int(height * rng.uniform(0.72, 0.88)) :] = _greyish_colour(rng, 60, 150)
    grain = rng.normal(0, 1, (max(2, height // 6), max(2, width // 6))).astype(np.float32)
    canvas += 5 * cv2.resize(grain, (width, height), interpolation=cv2.INTER_CUBIC)[..., None]
    return np.asarray(np.clip(canvas, 0, 255), np.uint8)


def _lighting(rng: np.random.Generator, width: int, height: int) -> F32:
    """Return light that falls off across the room: (H, W, 1) float32, about 1."""
    corners = rng.uniform(0.75, 1.1, (2, 2)).astype(np.float32)
    shade = cv2.resize(corners, (width, height), interpolation=cv2.INTER_LINEAR)
    return np.asarray(shade[..., None], np.float32)


def _greyish_colour(
    rng: np.random.Generator, low: float, high: float
) -> tuple[float, float, float]:
    """Return a colour of low saturation."""
    grey = rng.uniform(low, high)
    red, green, blue = grey + 0.12 * (np.asarray(random_colour(rng, low, high)) - grey)
    return float(red), float(green), float(blue)


def _fill_rectangle(
    canvas: U8, at: tuple[int, int], size: tuple[int, int], colour: tuple[float, ...]
) -> None:
    cv2.rectangle(canvas, at, (at[0] + size[0], at[1] + size[1]), colour, -1, cv2.LINE_AA)


def _window(canvas: U8, rng: np.random.Generator, at: tuple[int, int]) -> None:
    unit = canvas.shape[0] // 10
    wide, high = int(rng.integers(2, 4)) * unit, int(rng.integers(3, 5)) * unit
    _fill_rectangle(canvas, at, (wide, high), _greyish_colour(rng, 200, 250))
    frame, bar = _greyish_colour(rng, 90, 200), max(2, unit // 6)
    for part in range(3):
        x, y = at[0] + part * wide // 2, at[1] + part * high // 2
        cv2.line(canvas, (x, at[1]), (x, at[1] + high), frame, bar, cv2.LINE_AA)
        cv2.line(canvas, (at[0], y), (at[0] + wide, y), frame, bar, cv2.LINE_AA)


def _poster(canvas: U8, rng: np.random.Generator, at: tuple[int, int]) -> None:
    unit = canvas.shape[0] // 10
    lines = int(rng.integers(4, 8))
    _fill_rectangle(
        canvas, at, (4 * unit, lines * unit // 2 + unit // 3), _greyish_colour(rng, 205, 245)
    )
    for line in range(lines):
        text = " ".join(rng.choice(_WORDS, 4))
        base = (at[0] + unit // 4, at[1] + (line + 1) * unit // 2)
        size = unit / 120
        cv2.putText(
            canvas, text, base, cv2.FONT_HERSHEY_SIMPLEX, size, (50, 50, 60), 1, cv2.LINE_AA
        )


def _shelf(canvas: U8, rng: np.random.Generator, at: tuple[int, int]) -> None:
    """Draw a board with books and boxes on it."""
    unit = canvas.shape[0] // 10
    board_y, x = at[1] + 2 * unit, at[0]
    end = x + int(rng.integers(3, 6)) * unit
    while x < end:
        thick = int(unit * rng.uniform(0.2, 1.2))
        tall = int(unit * rng.uniform(0.8, 2.0))
        colour = (
            random_colour(rng, 40, 190) if random_bool(rng, 0.3) else _greyish_colour(rng, 40, 200)
        )
        _fill_rectangle(canvas, (x, board_y - tall), (thick, tall), colour)
        x += thick + int(unit * rng.uniform(0.05, 0.3))
    _fill_rectangle(
        canvas,
        (at[0] - unit // 3, board_y),
        (x - at[0] + unit // 3, unit // 4),
        _greyish_colour(rng, 50, 140),
    )


def _plant(canvas: U8, rng: np.random.Generator, at: tuple[int, int]) -> None:
    unit = canvas.shape[0] / 10
    foot = (at[0], int(at[1] + 3 * unit))
    for _ in range(int(rng.integers(14, 30))):
        angle, reach = rng.uniform(-math.pi, 0), unit * rng.uniform(0.6, 2.2)
        tip = (foot[0] + reach * math.cos(angle), foot[1] + reach * math.sin(angle))
        leaf = (unit * rng.uniform(0.2, 0.6), unit * rng.uniform(0.08, 0.2))
        green = rng.uniform(60, 120)
        cv2.ellipse(
            canvas, (tip, leaf, math.degrees(angle)), (green * 0.7, green, green * 0.55), -1
        )
    _fill_rectangle(
        canvas,
        (int(foot[0] - unit / 2), foot[1]),
        (int(unit), int(unit)),
        _greyish_colour(rng, 70, 150),
    )
