"""Safety signs: the shapes and colours of ISO 3864-1, with pictograms of our own."""

import math

import cv2
import numpy as np

from edged.marks import pictograms
from edged.marks.mark import SQUARE, U8, Colour, Mark, jitter_colour, paint_mask, random_bool
from edged.types import F32

_SIDE_PX = 160
_CENTRE_PX = _SIDE_PX / 2
_RADIUS_PX = _SIDE_PX // 2 - 2

# The safety colours of ISO 3864-4, as sRGB, and their contrast colours.
_RED: Colour = (198, 22, 32)
_YELLOW: Colour = (250, 200, 12)
_GREEN: Colour = (0, 132, 76)
_BLUE: Colour = (8, 82, 164)
_BLACK: Colour = (16, 16, 16)
_WHITE: Colour = (248, 248, 248)
_SPREAD = 18.0

_ANGLES = np.linspace(0, 2 * math.pi, 24, endpoint=False)
_CIRCLE: F32 = (0.5 + 0.5 * np.stack([np.cos(_ANGLES), np.sin(_ANGLES)], 1)).astype(np.float32)

_WARNING_PICTOGRAMS = (
    "bolt",
    "exclamation",
    "skull",
    "flame",
    "drop",
    "person",
    "hand",
    "letters",
    "blob",
)
_PROHIBITION_PICTOGRAMS = (
    "cigarette",
    "flame",
    "person",
    "hand",
    "drop",
    "boot",
    "letters",
    "blob",
)
_MANDATORY_PICTOGRAMS = ("head", "hand", "boot", "exclamation", "person", "letters", "blob")
_SAFE_CONDITION_PICTOGRAMS = (
    "person",
    "cross",
    "arrow",
    "drop",
    "telephone",
    "person",
    "letters",
    "blob",
)
_FIRE_PICTOGRAMS = ("extinguisher", "reel", "telephone", "ladder", "flame", "arrow", "blob")


def warning(rng: np.random.Generator) -> Mark:
    """Draw a yellow triangle with a black band; half of them have a yellow rim around it."""
    rgb, alpha = _blank()
    yellow, black = jitter_colour(rng, _YELLOW, _SPREAD), jitter_colour(rng, _BLACK, 8)
    height = _SIDE_PX * rng.uniform(0.84, 0.9)
    low, high = (_SIDE_PX + height) / 2 - 1, (_SIDE_PX - height) / 2 + 1
    corners = np.array([[_CENTRE_PX, high], [_SIDE_PX - 2, low], [2, low]], np.float32)
    rim = random_bool(rng, 0.5)
    _triangle(alpha, corners, 1.0, (255.0,))
    _triangle(rgb, corners, 1.0, yellow if rim else black)
    if rim:
        _triangle(rgb, corners, 0.92, black)
    _triangle(rgb, corners, rng.uniform(0.68, 0.8), yellow)
    # The widest square that stands in the triangle has its centre below the centroid.
    middle = (_CENTRE_PX, float(corners[:, 1].mean()) + 4)
    _add_pictogram(
        rgb,
        rng,
        _WARNING_PICTOGRAMS,
        side_px=_SIDE_PX * rng.uniform(0.3, 0.4),
        colour=black,
        centre=middle,
    )
    return Mark(rgb, alpha, (corners / _SIDE_PX).astype(np.float32))


def prohibition(rng: np.random.Generator) -> Mark:
    """Draw a red ring and bar on white; the bar mostly falls from the upper left."""
    red, white = jitter_colour(rng, _RED, _SPREAD), jitter_colour(rng, _WHITE, 6)
    rgb, alpha = _disc(rng, red, white)
    band = rng.uniform(0.14, 0.22)
    inner = int(_RADIUS_PX * (1 - band))
    cv2.circle(rgb, (_SIDE_PX // 2, _SIDE_PX // 2), inner, white, -1, cv2.LINE_AA)
    _add_pictogram(
        rgb,
        rng,
        _PROHIBITION_PICTOGRAMS,
        side_px=_SIDE_PX * rng.uniform(0.4, 0.54),
        colour=jitter_colour(rng, _BLACK, 8),
        centre=(_CENTRE_PX, _CENTRE_PX),
    )
    _draw_bar(rgb, rng, band, red)
    return Mark(rgb, alpha, _CIRCLE)


def _draw_bar(rgb: U8, rng: np.random.Generator, band: float, colour: Colour) -> None:
    """Draw the bar of a prohibition sign; `band` is the width of its ring as a share of the radius."""
    reach = _RADIUS_PX * (1 - band / 2) / math.sqrt(2)
    lean = -1 if random_bool(rng, 0.1) else 1
    start = (round(_CENTRE_PX - lean * reach), round(_CENTRE_PX - reach))
    end = (round(_CENTRE_PX + lean * reach), round(_CENTRE_PX + reach))
    cv2.line(rgb, start, end, colour, int(_RADIUS_PX * band * rng.uniform(0.75, 1.0)), cv2.LINE_AA)


def mandatory(rng: np.random.Generator) -> Mark:
    """Draw a blue disc with a white pictogram."""
    blue, white = jitter_colour(rng, _BLUE, _SPREAD), jitter_colour(rng, _WHITE, 6)
    rgb, alpha = _disc(rng, blue, white)
    side = _SIDE_PX * rng.uniform(0.5, 0.64)
    _add_pictogram(
        rgb, rng, _MANDATORY_PICTOGRAMS, side_px=side, colour=white, centre=(_CENTRE_PX, _CENTRE_PX)
    )
    return Mark(rgb, alpha, _CIRCLE)


def safe_condition(rng: np.random.Generator) -> Mark:
    """Draw a green square or rectangle with white pictograms: exit, first aid."""
    return _rectangular_sign(
        rng, _GREEN, float(rng.choice([1, 1, 1, 1.5, 2])), _SAFE_CONDITION_PICTOGRAMS
    )


def fire(rng: np.random.Generator) -> Mark:
    """Draw a red square or rectangle with white pictograms: fire-fighting equipment."""
    return _rectangular_sign(rng, _RED, float(rng.choice([1, 1, 1, 1, 1.5])), _FIRE_PICTOGRAMS)


def _rectangular_sign(
    rng: np.random.Generator, colour: Colour, ratio: float, pictures: tuple[str, ...]
) -> Mark:
    upright = random_bool(rng, 0.2)
    length = round(_SIDE_PX * ratio)
    height, width = (length, _SIDE_PX) if upright else (_SIDE_PX, length)
    rgb = np.empty((height, width, 3), np.uint8)
    rgb[:] = np.asarray(jitter_colour(rng, colour, _SPREAD))
    white = jitter_colour(rng, _WHITE, 6)
    if random_bool(rng, 0.5):
        inset, line = int(_SIDE_PX * rng.uniform(0, 0.04)), int(_SIDE_PX * rng.uniform(0.02, 0.05))
        opposite = (width - 1 - inset, height - 1 - inset)
        cv2.rectangle(rgb, (inset, inset), opposite, white, line)
    cells = 1 if ratio == 1 else 2
    for cell in range(cells):
        along = (cell + 0.5) * length / cells
        centre = (width / 2, along) if upright else (along, height / 2)
        side = min(_SIDE_PX, length / cells) * rng.uniform(0.6, 0.8)
        _add_pictogram(rgb, rng, pictures, side_px=side, colour=white, centre=centre)
    return Mark(rgb, np.full((height, width), 255, np.uint8), SQUARE)


def _blank() -> tuple[U8, U8]:
    return np.zeros((_SIDE_PX, _SIDE_PX, 3), np.uint8), np.zeros((_SIDE_PX, _SIDE_PX), np.uint8)


def _disc(rng: np.random.Generator, colour: Colour, rim: Colour) -> tuple[U8, U8]:
    """Draw a disc of `colour`; four in ten have a narrow rim of another colour."""
    rgb, alpha = _blank()
    centre = (_SIDE_PX // 2, _SIDE_PX // 2)
    cv2.circle(alpha, centre, _RADIUS_PX, 255, -1, cv2.LINE_AA)
    cv2.circle(rgb, centre, _RADIUS_PX, colour, -1, cv2.LINE_AA)
    if random_bool(rng, 0.4):
        cv2.circle(rgb, centre, _RADIUS_PX - 2, rim, 4, cv2.LINE_AA)
    return rgb, alpha


def _triangle(canvas: U8, corners: F32, scale: float, colour: tuple[float, ...]) -> None:
    """Draw a triangle with rounded corners, scaled by `scale` about its centroid."""
    centre = corners.mean(axis=0)
    rounding = max(1, round(_SIDE_PX * 0.03 * scale))
    shrink = scale * (1 - 2.2 * rounding / _SIDE_PX)
    points = np.rint(centre + (corners - centre) * shrink).astype(np.int32)
    cv2.fillPoly(canvas, [points], colour, cv2.LINE_AA)
    cv2.polylines(
        canvas, [points], isClosed=True, color=colour, thickness=2 * rounding, lineType=cv2.LINE_AA
    )


def _add_pictogram(
    rgb: U8,
    rng: np.random.Generator,
    names: tuple[str, ...],
    *,
    side_px: float,
    colour: Colour,
    centre: tuple[float, float],
) -> None:
    name = names[rng.integers(len(names))]
    paint_mask(rgb, pictograms.draw_pictogram(name, rng, side_px=int(side_px)), colour, centre)
