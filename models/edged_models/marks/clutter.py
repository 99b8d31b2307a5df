"""Flat clutter that resembles marks a little; each object is drawn into a picture in place."""

import math
from collections.abc import Callable

import cv2
import numpy as np
from numpy.typing import NDArray

from edged.marks import pictograms
from edged.marks.mark import paint_mask, random_bool
from edged_models.marks.random_fields import random_colour, to_scalar

U8 = NDArray[np.uint8]
_LETTERS = np.array(list("abcdefghijklmnopqrstuvwxyz      ABCDEFGHIJ0123456789.,-"))
_SAFETY = ((198, 22, 32), (250, 200, 12), (0, 132, 76), (8, 82, 164), (16, 16, 16))


def add_clutter(canvas: U8, rng: np.random.Generator) -> None:
    """Draw one random object at a random place.

    Args:
        canvas: (H, H, 3) uint8, RGB, changed in place.
        rng: the source of randomness.
    """
    _OBJECTS[rng.integers(len(_OBJECTS))](canvas, rng)


def text_block(
    canvas: U8, rng: np.random.Generator, at: tuple[int, int], size: tuple[int, int]
) -> None:
    """Draw lines of random letters.

    Args:
        canvas: (H, W, 3) uint8, RGB, changed in place.
        rng: the source of randomness.
        at: (x, y) of the top left corner, pixels.
        size: (width, height) of the block, pixels.
    """
    height = rng.uniform(0.25, 0.8)
    font, shade = int(rng.integers(0, 5)), to_scalar(random_colour(rng, 0, 130))
    line_px = int(24 * height) + 3
    for y in range(at[1] + line_px, at[1] + size[1], line_px):
        letters = "".join(rng.choice(_LETTERS, max(1, int(size[0] / (16 * height)))))
        cv2.putText(canvas, letters, (at[0], y), font, height, shade, 1, cv2.LINE_AA)


def _random_position(canvas: U8, rng: np.random.Generator) -> tuple[int, int]:
    x, y = rng.uniform(-0.1, 1.0, 2) * canvas.shape[0]
    return int(x), int(y)


def _random_size(canvas: U8, rng: np.random.Generator, low: float, high: float) -> int:
    return max(4, int(math.exp(rng.uniform(math.log(low), math.log(high))) * canvas.shape[0]))


def _random_colour(rng: np.random.Generator) -> tuple[float, float, float]:
    """Return a random colour, often a safety colour: a shape of that colour alone is not a sign."""
    if random_bool(rng, 0.4):
        safety = np.array(_SAFETY[rng.integers(len(_SAFETY))], np.float32)
        return to_scalar(np.clip(safety + rng.normal(0, 20, 3), 0, 255))
    return to_scalar(random_colour(rng))


def _furniture(canvas: U8, rng: np.random.Generator) -> None:
    width, height = _random_size(canvas, rng, 0.05, 0.8), _random_size(canvas, rng, 0.05, 0.8)
    turn = float(rng.normal(0, 12)) if random_bool(rng, 0.5) else 0.0
    corners = cv2.boxPoints((_random_position(canvas, rng), (width, height), turn)).astype(np.int32)
    cv2.fillConvexPoly(canvas, corners, to_scalar(random_colour(rng)), cv2.LINE_AA)
    if random_bool(rng, 0.3):
        cv2.polylines(
            canvas, [corners], isClosed=True, color=to_scalar(random_colour(rng)), thickness=2
        )


def _shape(canvas: U8, rng: np.random.Generator) -> None:
    """Draw an ellipse, triangle or square of one colour, filled or as an outline."""
    (x, y), side = _random_position(canvas, rng), _random_size(canvas, rng, 0.04, 0.4)
    shade, corners = _random_colour(rng), int(rng.choice([0, 0, 3, 4]))
    thick = -1 if random_bool(rng, 0.6) else max(1, side // 8)
    if corners == 0:
        axes = (side // 2, int(side * rng.uniform(0.3, 0.5)))
        turn = float(rng.uniform(0, 180))
        cv2.ellipse(canvas, (x, y), axes, turn, 0, 360, shade, thick, cv2.LINE_AA)
        return
    angles = rng.uniform(0, 2 * math.pi) + np.arange(corners) * 2 * math.pi / corners
    points = np.stack([x + side / 2 * np.cos(angles), y + side / 2 * np.sin(angles)], 1)
    outline = [points.astype(np.int32)]
    if thick == -1:
        cv2.fillPoly(canvas, outline, shade, cv2.LINE_AA)
    else:
        cv2.polylines(canvas, outline, isClosed=True, color=shade, thickness=thick)


def _paper(canvas: U8, rng: np.random.Generator) -> None:
    at, width = _random_position(canvas, rng), _random_size(canvas, rng, 0.15, 0.8)
    size = (width, int(width * rng.uniform(0.2, 1.4)))
    if random_bool(rng, 0.7):
        light = to_scalar(random_colour(rng, 180, 255))
        cv2.rectangle(canvas, at, (at[0] + size[0], at[1] + size[1]), light, -1)
    text_block(canvas, rng, (at[0] + 3, at[1]), size)


def _stripes(canvas: U8, rng: np.random.Generator) -> None:
    """Draw a fence, a radiator or a louvre: even stripes, which no bar code has."""
    (x, y), shade = _random_position(canvas, rng), to_scalar(random_colour(rng))
    count, width = int(rng.integers(3, 20)), _random_size(canvas, rng, 0.1, 0.9)
    height, step = _random_size(canvas, rng, 0.05, 0.8), width / count
    share, lying = rng.uniform(0.25, 0.75), random_bool(rng, 0.4)
    for stripe in range(count):
        a, b = int(stripe * step), int((stripe + share) * step)
        start, end = (
            ((x, y + a), (x + height, y + b)) if lying else ((x + a, y), (x + b, y + height))
        )
        cv2.rectangle(canvas, start, end, shade, -1)


def _grid(canvas: U8, rng: np.random.Generator) -> None:
    """Draw a chessboard, a keypad or halftone dots: cells without a code's frame and finder patterns."""
    (x, y), cell = _random_position(canvas, rng), int(rng.integers(4, 18))
    columns, rows = (int(n) for n in rng.integers(2, 10, 2))
    dark, light = to_scalar(random_colour(rng, 0, 110)), to_scalar(random_colour(rng, 140, 255))
    style, ends = rng.integers(3), (x + columns * cell, y + rows * cell)
    cv2.rectangle(canvas, (x, y), ends, light, -1)
    for row in range(rows):
        for column in range(columns):
            corner = (x + column * cell, y + row * cell)
            middle = (corner[0] + cell // 2, corner[1] + cell // 2)
            if style == 1:
                cv2.circle(canvas, middle, max(1, cell // 3), dark, -1, cv2.LINE_AA)
            else:
                inset = 1 if style == 0 and (row + column) % 2 else 3
                end = (corner[0] + cell - inset, corner[1] + cell - inset)
                cv2.rectangle(canvas, corner, end, dark, -1)


def _silhouette(canvas: U8, rng: np.random.Generator) -> None:
    """Draw a pictogram without a sign around it."""
    side = min(_random_size(canvas, rng, 0.04, 0.35), canvas.shape[0] - 2)
    mask = pictograms.draw_pictogram(
        pictograms.NAMES[rng.integers(len(pictograms.NAMES))], rng, side_px=side
    )
    x, y = rng.uniform(side / 2 + 1, canvas.shape[0] - side / 2 - 1, 2)
    paint_mask(canvas, mask, _random_colour(rng), (float(x), float(y)))


def _dial(canvas: U8, rng: np.random.Generator) -> None:
    """Draw a clock, a gauge or a wheel: a ring with spokes."""
    (x, y), radius = _random_position(canvas, rng), _random_size(canvas, rng, 0.04, 0.25)
    face, edge = to_scalar(random_colour(rng, 120, 255)), to_scalar(random_colour(rng, 0, 160))
    cv2.circle(canvas, (x, y), radius, face, -1, cv2.LINE_AA)
    cv2.circle(canvas, (x, y), radius, edge, max(1, radius // 7), cv2.LINE_AA)
    inner = rng.uniform(0, 0.8)
    for angle in rng.uniform(0, 2 * math.pi) + np.arange(int(rng.integers(2, 13))) * 0.52:
        near = (
            int(x + inner * radius * math.cos(angle)),
            int(y + inner * radius * math.sin(angle)),
        )
        far = (int(x + 0.85 * radius * math.cos(angle)), int(y + 0.85 * radius * math.sin(angle)))
        cv2.line(canvas, near, far, edge, max(1, radius // 12), cv2.LINE_AA)


def _face(canvas: U8, rng: np.random.Generator) -> None:
    """Draw a face: an oval with two dark spots and a line."""
    (x, y), r = _random_position(canvas, rng), _random_size(canvas, rng, 0.05, 0.3)
    skin = np.array([1.0, 0.78, 0.66]) * rng.uniform(80, 240)
    cv2.ellipse(canvas, (x, y), (int(r * 0.75), r), 0, 0, 360, to_scalar(skin), -1, cv2.LINE_AA)
    for side in (-1, 1):
        cv2.circle(
            canvas, (x + int(side * r * 0.3), y - r // 5), max(1, r // 9), to_scalar(skin * 0.3), -1
        )
    cv2.ellipse(
        canvas, (x, y + r // 3), (r // 3, r // 8), 0, 0, 180, to_scalar(skin * 0.5), 2, cv2.LINE_AA
    )
    cv2.ellipse(
        canvas, (x, y - r // 2), (int(r * 0.8), r * 2 // 3), 0, 180, 360, to_scalar(skin * 0.25), -1
    )


def _window(canvas: U8, rng: np.random.Generator) -> None:
    """Draw a window, a shelf or a rack: a frame with panes of slightly different shades."""
    (x, y), width = _random_position(canvas, rng), _random_size(canvas, rng, 0.1, 0.7)
    height = int(width * rng.uniform(0.5, 1.6))
    columns, rows = (int(n) for n in rng.integers(1, 5, 2))
    frame, pane = to_scalar(random_colour(rng)), random_colour(rng, 60, 255)
    cv2.rectangle(canvas, (x, y), (x + width, y + height), frame, -1)
    gap = max(1, int(width * rng.uniform(0.01, 0.06)))
    for row in range(rows):
        for column in range(columns):
            start = (x + column * width // columns + gap, y + row * height // rows + gap)
            end = (x + (column + 1) * width // columns - gap, y + (row + 1) * height // rows - gap)
            shade = np.clip(pane + rng.normal(0, 25), 0, 255)
            cv2.rectangle(canvas, start, end, to_scalar(shade), -1)
            if random_bool(rng, 0.3):  # a reflection
                cv2.line(
                    canvas, start, end, to_scalar(np.clip(shade + 40, 0, 255)), 2 * gap, cv2.LINE_AA
                )


def _keyboard(canvas: U8, rng: np.random.Generator) -> None:
    """Draw rows of keys with a letter on each."""
    (x, y), key = _random_position(canvas, rng), int(rng.integers(6, 22))
    columns, rows = int(rng.integers(3, 15)), int(rng.integers(2, 6))
    body, cap = to_scalar(random_colour(rng, 0, 200)), to_scalar(random_colour(rng, 0, 255))
    letter = to_scalar(random_colour(rng, 0, 255))
    cv2.rectangle(canvas, (x - 3, y - 3), (x + (columns + 1) * key, y + rows * key + 3), body, -1)
    for row in range(rows):
        for column in range(columns):
            left, top = x + column * key + row * key // 4, y + row * key
            cv2.rectangle(canvas, (left, top), (left + key - 2, top + key - 2), cap, -1)
            text = str(_LETTERS[rng.integers(len(_LETTERS))])
            at = (left + key // 4, top + 3 * key // 4)
            cv2.putText(canvas, text, at, 0, key / 40, letter, 1, cv2.LINE_AA)


_OBJECTS: tuple[Callable[[U8, np.random.Generator], None], ...] = (
    _furniture, _furniture, _shape, _shape, _paper, _stripes, _grid, _silhouette, _dial, _face,
    _window, _keyboard,
)  # fmt: skip
