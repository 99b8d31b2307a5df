"""Placing a mark in the picture: on a card, turned in space, clear of the other marks."""

import math
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from edged.marks import MARK_LABELS, Mark, draw_mark
from edged.marks.mark import SQUARE, paste, random_bool
from edged_models.marks import clutter
from edged_models.marks.print_effects import simulate_curl, simulate_print
from edged_models.marks.random_fields import F32, random_colour, to_scalar

U8 = NDArray[np.uint8]
_CODES = ("qr_code", "barcode", "fiducial_tag")
_MIN_SIZE_SHARES = {"qr_code": 0.078, "barcode": 0.1, "fiducial_tag": 0.0625}
"""Longer side of the smallest codes, as a share of the picture's side."""
_MIN_SIGN_SIZE_SHARE = 0.055
_MIN_VISIBLE_SHARE = 0.6
_MAX_ATTEMPTS = 8
_MIN_SIDE_PX = 6
_MIN_TEXT_PX = 14
_MAX_OVERLAP_PX = 3


@dataclass(frozen=True, slots=True)
class PlacedMark:
    """A mark in the picture.

    Attributes:
        label: class name of the mark.
        box: (4,) float32, [x1, y1, x2, y2] in pixels, clipped to the picture.
        card_box: (4,) float32, the box of the whole card.
    """

    label: str
    box: F32
    card_box: F32


def place_mark(
    canvas: U8,
    rng: np.random.Generator,
    occupied: list[PlacedMark],
    *,
    aspect: float,
    max_size_share: float,
) -> PlacedMark | None:
    """Draw a random mark into the picture, clear of the marks that are already in it.

    Args:
        canvas: (H, H, 3) uint8, RGB, changed in place.
        rng: the source of randomness.
        occupied: marks that must not be covered.
        aspect: width / height of the camera's frame, which was stretched to the square picture.
        max_size_share: upper bound of the mark's longer side, as a share of the picture's height.

    Returns:
        The mark and its place; None if no free place was found.
    """
    label = MARK_LABELS[rng.integers(len(MARK_LABELS))]
    mark, growth = _draw_printed_mark(label, rng)
    side = canvas.shape[0]
    min_size_share = _MIN_SIZE_SHARES.get(label, _MIN_SIGN_SIZE_SHARE)
    log_share = rng.uniform(math.log(min_size_share), math.log(max_size_share))
    size_px = growth * side * math.exp(log_share)
    is_upright = random_bool(rng, 0.45 if label in _CODES else 0.85)
    for _ in range(_MAX_ATTEMPTS):
        roll = rng.normal(0, 0.2) if is_upright else rng.uniform(-math.pi, math.pi)
        at = (rng.uniform(0.04, 0.96), rng.uniform(0.04, 0.96))
        matrix = _homography(
            rng, mark, size_px=size_px, at=at, roll=roll, side_px=side, aspect=aspect
        )
        placed = _find_place(label, mark, matrix, side, occupied)
        if placed is not None:
            _draw_warped(canvas, mark, matrix, placed.card_box, rng)
            if random_bool(rng, 0.12):
                _draw_thumb(canvas, rng, placed.box)
            return placed
    return None


def _draw_printed_mark(label: str, rng: np.random.Generator) -> tuple[Mark, float]:
    """Draw a mark, at random on a card and with effects of print; return also by what factor the card enlarges it."""
    mark, growth = _attach_to_card(draw_mark(label, rng), label, rng)
    if random_bool(rng, 0.15):
        mark = simulate_print(mark, rng)
    if random_bool(rng, 0.15):
        mark = simulate_curl(mark, rng)
    return mark, growth


def _find_place(
    label: str, mark: Mark, matrix: F32, side_px: int, occupied: list[PlacedMark]
) -> PlacedMark | None:
    """Return the mark's place, or None if it is hidden too far, too small, or not free."""
    box, visible_share = _clip(_bounding_box(mark.outline, mark, matrix), side_px)
    card_box, _ = _clip(_bounding_box(SQUARE, mark, matrix), side_px)
    if (
        visible_share < _MIN_VISIBLE_SHARE
        or min(box[2:] - box[:2]) <= _MIN_SIDE_PX
        or not _is_free(card_box, occupied)
    ):
        return None
    return PlacedMark(label, box, card_box)


def _attach_to_card(mark: Mark, label: str, rng: np.random.Generator) -> tuple[Mark, float]:
    """Put the mark on a card at random; return also by what factor that enlarges it."""
    is_code = label in _CODES
    if not random_bool(rng, 0.75 if is_code else 0.35):
        return mark, 1.0
    longer = max(mark.alpha.shape)
    left, top, right, bottom = (int(longer * rng.uniform(0.02, 0.5)) for _ in range(4))
    light = mark.rgb[0, 0] if is_code and random_bool(rng, 0.7) else random_colour(rng, 10, 255)
    card = mark.place_on_card((left, top, right, bottom), to_scalar(np.asarray(light, np.float32)))
    if random_bool(rng, 0.4):
        _write_on_card(card, rng, top, bottom)
    if random_bool(rng, 0.15):
        edge = max(2, max(card.alpha.shape) // 30)
        end = (card.rgb.shape[1] - 1, card.rgb.shape[0] - 1)
        cv2.rectangle(card.rgb, (0, 0), end, to_scalar(random_colour(rng, 0, 50)), 2 * edge)
    return card, max(card.alpha.shape) / longer


def _write_on_card(card: Mark, rng: np.random.Generator, top_px: int, bottom_px: int) -> None:
    for y, margin_px in ((0, top_px), (card.rgb.shape[0] - bottom_px, bottom_px)):
        if margin_px > _MIN_TEXT_PX:
            strip = np.ascontiguousarray(card.rgb[y : y + margin_px])
            clutter.text_block(strip, rng, (4, 0), (strip.shape[1] - 8, margin_px - 4))
            card.rgb[y : y + margin_px] = strip


def _homography(
    rng: np.random.Generator,
    mark: Mark,
    *,
    size_px: float,
    at: tuple[float, float],
    roll: float,
    side_px: int,
    aspect: float,
) -> F32:
    """Return the homography, (3, 3), from the mark's pixels to the picture's, for a flat card that is turned in space.

    A pinhole camera of focal length f is at distance f from the card; its frame is then stretched to the square.
    """
    height, width = mark.alpha.shape
    tilt, pan = rng.uniform(-0.8, 0.8, 2)
    turned = _rotation(tilt, 1, 2) @ _rotation(pan, 2, 0) @ _rotation(roll, 0, 1)
    focal_px = side_px * rng.uniform(0.9, 1.8)
    scale = size_px / max(height, width)
    centred = np.array([[scale, 0, -scale * width / 2], [0, scale, -scale * height / 2], [0, 0, 1]])
    plane = np.column_stack([turned[:, 0], turned[:, 1], [0, 0, focal_px]])
    x, y = at[0] * side_px * aspect, at[1] * side_px
    camera = np.array([[focal_px, 0, x], [0, focal_px, y], [0, 0, 1]])
    stretch = np.diag([1 / aspect, 1, 1])
    return np.asarray(stretch @ camera @ plane @ centred, np.float32)


def _rotation(angle: float, a: int, b: int) -> NDArray[np.float64]:
    """Return the rotation about the axis that is neither `a` nor `b`."""
    turn = np.eye(3)
    turn[[a, b], [a, b]] = math.cos(angle)
    turn[a, b], turn[b, a] = -math.sin(angle), math.sin(angle)
    return turn


def _bounding_box(corners: F32, mark: Mark, matrix: F32) -> F32:
    height, width = mark.alpha.shape
    points = (corners * [width, height]).astype(np.float32)[None]
    mapped = cv2.perspectiveTransform(points, matrix)[0]
    return np.concatenate([mapped.min(axis=0), mapped.max(axis=0)]).astype(np.float32)


def _clip(box: F32, side_px: int) -> tuple[F32, float]:
    """Return the part of the box inside the picture, and its share of the whole."""
    inside = np.clip(box, 0, side_px)
    whole = float(np.prod(box[2:] - box[:2]))
    return inside, float(np.prod(inside[2:] - inside[:2])) / max(whole, 1e-6)


def _is_free(card_box: F32, occupied: list[PlacedMark]) -> bool:
    return not any(_overlaps(card_box, mark.card_box) for mark in occupied)


def _overlaps(a: F32, b: F32) -> bool:
    shared = np.minimum(a[2:], b[2:]) - np.maximum(a[:2], b[:2])
    return bool((shared > _MAX_OVERLAP_PX).all())


def _draw_warped(
    canvas: U8, mark: Mark, matrix: F32, card_box: F32, rng: np.random.Generator
) -> None:
    """Draw the mark; most are shrunk before the warp, against aliasing, and the others alias, as with cheap cameras."""
    height, width = mark.alpha.shape
    drawn_px = max(card_box[2:] - card_box[:2])
    if random_bool(rng, 0.75) and 1.5 * drawn_px < max(height, width):
        mark = mark.resize(1.5 * drawn_px)
        small_h, small_w = mark.alpha.shape
        matrix = matrix @ np.diag([width / small_w, height / small_h, 1]).astype(np.float32)
    x1, y1 = (int(v) for v in np.floor(card_box[:2]))
    x2, y2 = (int(v) for v in np.ceil(card_box[2:]))
    shift = np.array([[1, 0, -x1], [0, 1, -y1], [0, 0, 1]], np.float32)
    rgb = cv2.warpPerspective(
        mark.rgb, shift @ matrix, (x2 - x1, y2 - y1), borderMode=cv2.BORDER_REPLICATE
    )
    alpha = cv2.warpPerspective(mark.alpha, shift @ matrix, (x2 - x1, y2 - y1))
    lit = np.clip(rgb * rng.uniform(0.65, 1.1), 0, 255).astype(np.uint8)
    paste(canvas[y1:y2, x1:x2], lit, np.asarray(alpha, np.uint8))


def _draw_thumb(canvas: U8, rng: np.random.Generator, box: F32) -> None:
    """Draw a thumb over the edge of the mark."""
    centre, half = (box[:2] + box[2:]) / 2, (box[2:] - box[:2]) / 2
    angle = rng.uniform(0, 2 * math.pi)
    out = np.array([math.cos(angle), math.sin(angle)]) * half
    skin = to_scalar((np.array([1.0, 0.78, 0.66]) * rng.uniform(90, 235)).astype(np.float32))
    start, tip = (centre + out * 2).astype(int), (centre + out * rng.uniform(0.75, 1.0)).astype(int)
    thick = max(3, int(half.max() * 0.25))
    cv2.line(canvas, start.tolist(), tip.tolist(), skin, thick, cv2.LINE_AA)
