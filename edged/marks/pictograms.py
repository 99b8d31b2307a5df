"""Pictograms of signs: simple silhouettes of lines, discs and polygons. No artwork of any standard is copied.

Coordinates are fractions of the pictogram's square, x to the right, y down.
"""

import math
from collections.abc import Callable

import cv2
import numpy as np

from edged.marks.canvas import Canvas
from edged.marks.mark import U8, random_bool

_LETTERS = ("!", "?", "P", "STOP", "SOS", "1", "2", "W", "EXIT", "A", "X", "H")


def _person(canvas: Canvas, rng: np.random.Generator) -> None:
    """Draw a person in any pose: walking, running, falling."""
    width = rng.uniform(0.08, 0.13)
    head_x = rng.uniform(0.4, 0.6)
    canvas.disc(head_x, 0.14, 0.1)
    neck = (head_x + rng.normal(0, 0.04), 0.3)
    hip = (neck[0] + rng.normal(0, 0.07), 0.58)
    canvas.stroke([neck, hip], width + 0.05)
    for joint, reach in ((neck, 0.2), (neck, 0.2), (hip, 0.22), (hip, 0.22)):
        upper = rng.uniform(-1.1, 1.1)
        lower = upper + rng.uniform(-1.2, 1.2)
        elbow = (joint[0] + reach * math.sin(upper), joint[1] + reach * math.cos(upper))
        tip = (elbow[0] + reach * math.sin(lower), elbow[1] + reach * math.cos(lower))
        canvas.stroke([joint, elbow, tip], width)


def _arrow(canvas: Canvas, rng: np.random.Generator) -> None:
    shaft = rng.uniform(0.08, 0.16)
    neck = rng.uniform(0.45, 0.6)
    corners = [
        (0.05, 0.5 - shaft), (neck, 0.5 - shaft), (neck, 0.12), (0.95, 0.5),
        (neck, 0.88), (neck, 0.5 + shaft), (0.05, 0.5 + shaft),
    ]  # fmt: skip
    turn = rng.integers(8) * math.pi / 4
    cos, sin = 0.8 * math.cos(turn), 0.8 * math.sin(turn)
    canvas.polygon(
        [
            (0.5 + (x - 0.5) * cos - (y - 0.5) * sin, 0.5 + (x - 0.5) * sin + (y - 0.5) * cos)
            for x, y in corners
        ]
    )


def _cross(canvas: Canvas, rng: np.random.Generator) -> None:
    arm = rng.uniform(0.13, 0.2)
    canvas.stroke([(0.5, 0.12), (0.5, 0.88)], 2 * arm)
    canvas.stroke([(0.12, 0.5), (0.88, 0.5)], 2 * arm)


def _flame(canvas: Canvas, rng: np.random.Generator) -> None:
    tip = rng.uniform(0.4, 0.6)
    canvas.polygon(
        [
            (0.5, 0.95), (0.24, 0.86), (0.14, 0.62), (0.26, 0.4), (0.32, 0.54), (tip, 0.05),
            (0.62, 0.4), (0.7, 0.3), (0.86, 0.6), (0.76, 0.86),
        ]
    )  # fmt: skip
    if random_bool(rng, 0.6):
        canvas.polygon([(0.5, 0.9), (0.38, 0.74), (0.52, 0.5), (0.62, 0.74)], ink=0)


def _bolt(canvas: Canvas, rng: np.random.Generator) -> None:
    bend = rng.uniform(0.42, 0.56)
    canvas.polygon(
        [(0.62, 0.03), (0.3, bend), (0.48, bend), (0.36, 0.97), (0.74, bend - 0.12), (0.54, bend - 0.12)]
    )  # fmt: skip


def _exclamation(canvas: Canvas, rng: np.random.Generator) -> None:
    half = rng.uniform(0.09, 0.14)
    canvas.polygon(
        [(0.5 - half, 0.05), (0.5 + half, 0.05), (0.5 + half / 2, 0.66), (0.5 - half / 2, 0.66)]
    )
    canvas.disc(0.5, 0.84, half)


def _skull(canvas: Canvas, rng: np.random.Generator) -> None:
    canvas.disc(0.5, 0.36, 0.28)
    canvas.polygon([(0.36, 0.5), (0.64, 0.5), (0.61, 0.74), (0.39, 0.74)])
    eye = rng.uniform(0.06, 0.09)
    canvas.disc(0.39, 0.38, eye, ink=0)
    canvas.disc(0.61, 0.38, eye, ink=0)
    canvas.stroke([(0.12, 0.7), (0.88, 0.96)], 0.09)
    canvas.stroke([(0.88, 0.7), (0.12, 0.96)], 0.09)


def _drop(canvas: Canvas, rng: np.random.Generator) -> None:
    radius = rng.uniform(0.22, 0.3)
    canvas.disc(0.5, 0.64, radius)
    canvas.polygon([(0.5, 0.05), (0.5 - radius * 0.95, 0.56), (0.5 + radius * 0.95, 0.56)])


def _head(canvas: Canvas, rng: np.random.Generator) -> None:
    """Draw a head and shoulders with a helmet, goggles, ear muffs or a mask."""
    canvas.disc(0.5, 0.42, 0.24)
    canvas.polygon([(0.14, 0.98), (0.24, 0.72), (0.76, 0.72), (0.86, 0.98)])
    worn = rng.choice(["helmet", "goggles", "muffs", "mask"])
    if worn == "helmet":
        canvas.stroke([(0.2, 0.34), (0.8, 0.34)], 0.03, ink=0)
        canvas.stroke([(0.18, 0.29), (0.82, 0.29)], 0.06)
    elif worn == "mask":
        canvas.polygon([(0.36, 0.46), (0.64, 0.46), (0.58, 0.6), (0.42, 0.6)], ink=0)
    for x, outer in ((0.41, 0.24), (0.59, 0.76)):
        if worn == "goggles":
            canvas.disc(x, 0.4, 0.08, ink=0, width=0.04)
        elif worn == "muffs":
            canvas.disc(outer, 0.44, 0.11)
            canvas.stroke([(x, 0.36), (x, 0.52)], 0.03, ink=0)


def _hand(canvas: Canvas, rng: np.random.Generator) -> None:
    """Draw a hand, a glove, or a raised palm."""
    spread = rng.uniform(0.0, 0.05)
    canvas.polygon([(0.28, 0.5), (0.74, 0.5), (0.7, 0.94), (0.36, 0.94)])
    for finger, x in enumerate((0.33, 0.45, 0.57, 0.69)):
        lean = (finger - 1.5) * spread
        canvas.stroke([(x, 0.52), (x + lean, 0.14 + 0.05 * abs(finger - 1.5))], 0.1)
    canvas.stroke([(0.34, 0.72), (0.14, 0.5)], 0.11)


def _boot(canvas: Canvas, rng: np.random.Generator) -> None:
    shaft = rng.uniform(0.05, 0.3)
    canvas.polygon(
        [(0.24, shaft), (0.54, shaft), (0.56, 0.58), (0.9, 0.7), (0.9, 0.84), (0.24, 0.84)]
    )
    canvas.stroke([(0.24, 0.92), (0.9, 0.92)], 0.06)


def _cigarette(canvas: Canvas, rng: np.random.Generator) -> None:
    y = rng.uniform(0.56, 0.68)
    canvas.stroke([(0.06, y), (0.74, y)], 0.13)
    canvas.stroke([(0.82, y), (0.94, y)], 0.13)
    canvas.stroke([(0.88, y - 0.12), (0.8, y - 0.26), (0.92, y - 0.4)], 0.05)


def _extinguisher(canvas: Canvas, rng: np.random.Generator) -> None:
    half = rng.uniform(0.14, 0.2)
    canvas.polygon(
        [(0.45 - half, 0.34), (0.45 + half, 0.34), (0.45 + half, 0.96), (0.45 - half, 0.96)]
    )
    canvas.disc(0.45, 0.34, half)
    canvas.stroke([(0.45, 0.3), (0.45, 0.1)], 0.09)
    canvas.stroke([(0.3, 0.08), (0.62, 0.12)], 0.06)
    canvas.stroke([(0.56, 0.14), (0.78, 0.26), (0.82, 0.56)], 0.05)


def _reel(canvas: Canvas, rng: np.random.Generator) -> None:
    """Draw a hose on its reel."""
    radius = rng.uniform(0.28, 0.36)
    canvas.disc(0.42, 0.44, radius, width=0.09)
    canvas.disc(0.42, 0.44, radius * 0.45)
    canvas.stroke([(0.42, 0.44 + radius), (0.8, 0.46 + radius), (0.9, 0.94)], 0.08)


def _telephone(canvas: Canvas, rng: np.random.Generator) -> None:
    lift = rng.uniform(0.0, 0.08)
    canvas.polygon([(0.2, 0.86), (0.3, 0.5), (0.7, 0.5), (0.8, 0.86)])
    canvas.disc(0.5, 0.68, 0.11, ink=0)
    canvas.stroke(
        [(0.16, 0.4 - lift), (0.22, 0.28 - lift), (0.78, 0.28 - lift), (0.84, 0.4 - lift)], 0.13
    )


def _ladder(canvas: Canvas, rng: np.random.Generator) -> None:
    rungs = int(rng.integers(4, 8))
    for x in (0.3, 0.7):
        canvas.stroke([(x, 0.04), (x, 0.96)], 0.07)
    for y in np.linspace(0.14, 0.86, rungs):
        canvas.stroke([(0.3, float(y)), (0.7, float(y))], 0.05)


def _letters(canvas: Canvas, rng: np.random.Generator) -> None:
    canvas.text(str(rng.choice(_LETTERS)), thick_px=int(rng.integers(5, 10)))


def _blob(canvas: Canvas, rng: np.random.Generator) -> None:
    """Draw random polygons: a model must recognise a sign by its shape and colour, not by its pictogram."""
    for _ in range(int(rng.integers(1, 4))):
        points = rng.uniform(0.06, 0.94, (int(rng.integers(3, 7)), 2))
        canvas.polygon([(float(x), float(y)) for x, y in points])


_DRAW_BY_NAME: dict[str, Callable[[Canvas, np.random.Generator], None]] = {
    "person": _person, "arrow": _arrow, "cross": _cross, "flame": _flame, "bolt": _bolt,
    "exclamation": _exclamation, "skull": _skull, "drop": _drop, "head": _head, "hand": _hand,
    "boot": _boot, "cigarette": _cigarette, "extinguisher": _extinguisher, "reel": _reel,
    "telephone": _telephone, "ladder": _ladder, "letters": _letters, "blob": _blob,
}  # fmt: skip

NAMES: tuple[str, ...] = tuple(_DRAW_BY_NAME)
"""All pictograms."""


def draw_pictogram(name: str, rng: np.random.Generator, *, side_px: int) -> U8:
    """Draw a pictogram as a mask.

    Args:
        name: one of `NAMES`.
        rng: source of pose and proportions.
        side_px: side of the square that it fills, in pixels.

    Returns:
        (S, S) uint8, S = `side_px`, 255 where ink is.
    """
    canvas = Canvas()
    _DRAW_BY_NAME[name](canvas, rng)
    mirrored = random_bool(rng, 0.3) and name != "letters"
    mask = canvas.mask[:, ::-1] if mirrored else canvas.mask
    drawn = cv2.resize(mask, (side_px, side_px), interpolation=cv2.INTER_AREA)
    return np.asarray(drawn, np.uint8)
