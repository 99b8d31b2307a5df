"""Solid objects without marks: bottles, balls, hands, people, cables, many of them in a sign's colour.

Each is drawn as a flat mask and then shaded as if it were inflated, so that it appears round.
"""

import math
from collections.abc import Callable

import cv2
import numpy as np
from numpy.typing import NDArray

from edged.marks.mark import paste, random_bool
from edged_models.marks.random_fields import F32, noise, random_colour

U8 = NDArray[np.uint8]
_MIN_SIZE_PX = 3
_SAFETY = ((198, 22, 32), (250, 200, 12), (0, 132, 76), (8, 82, 164), (16, 16, 16), (245, 245, 245))


def add_solid(canvas: U8, rng: np.random.Generator) -> None:
    """Draw one random object at a random place.

    Args:
        canvas: (H, H, 3) uint8, RGB, changed in place.
        rng: the source of randomness.
    """
    _SOLIDS[rng.integers(len(_SOLIDS))](canvas, rng)


def draw_inflated(canvas: U8, mask: U8, shade: F32, rng: np.random.Generator) -> None:
    """Draw a shaded body.

    Args:
        canvas: (H, W, 3) uint8, RGB, changed in place.
        mask: (H, W) uint8, 255 where the body is.
        shade: (3,) float32, RGB, its colour, 0..255.
        rng: determines the direction of light, the roughness and the gloss.
    """
    x, y, width, height = cv2.boundingRect(mask)
    if min(width, height) < _MIN_SIZE_PX:
        return
    part = mask[y : y + height, x : x + width]
    lit = _shade_body(part, shade, rng)
    paste(canvas[y : y + height, x : x + width], lit, np.ascontiguousarray(part))


def _shade_body(part: U8, shade: F32, rng: np.random.Generator) -> U8:
    height, width = part.shape
    padded = cv2.copyMakeBorder(part, 1, 1, 1, 1, cv2.BORDER_CONSTANT)
    depth = cv2.distanceTransform(padded, cv2.DIST_L2, 3)[1:-1, 1:-1]
    round_ = np.sqrt(np.clip(depth / max(float(depth.max()), 1.0), 0, 1))
    soft = cv2.GaussianBlur(round_, (0, 0), max(1.0, 0.04 * min(width, height)))
    slope_y, slope_x = np.gradient(soft)
    angle, steep = rng.uniform(0, 2 * math.pi), 0.12 * min(width, height)
    light = (slope_x * math.cos(angle) + slope_y * math.sin(angle)) * steep
    ambient = rng.uniform(0.5, 0.9)
    lit = shade * (ambient + (1 - ambient) * soft + rng.uniform(0.2, 1.2) * light)[..., None]
    if random_bool(rng, 0.5):
        grain = noise(rng, side_px=max(width, height, 8), channels=1, cells_px=(16, 4))
        lit *= 1 + rng.uniform(0.02, 0.2) * grain[:height, :width]
    if random_bool(rng, 0.4):
        lit += (rng.uniform(60, 200) * np.clip(light * 3 - 0.5, 0, 1))[..., None]
    return np.clip(lit, 0, 255).astype(np.uint8)


def random_tint(rng: np.random.Generator) -> F32:
    """Return a colour, (3,) float32, RGB, in half of the cases a safety colour: an object of that colour alone is not a sign."""
    if random_bool(rng, 0.5):
        safety = np.array(_SAFETY[rng.integers(len(_SAFETY))], np.float32)
        return np.clip(safety + rng.normal(0, 25, 3), 0, 255).astype(np.float32)
    return random_colour(rng)


def random_skin(rng: np.random.Generator) -> F32:
    """Return a skin colour, (3,) float32, RGB, from dark to pale."""
    tone = np.array([1.0, rng.uniform(0.68, 0.82), rng.uniform(0.5, 0.72)])
    return (tone * rng.uniform(70, 240)).astype(np.float32)


def _empty_mask(canvas: U8) -> U8:
    return np.zeros(canvas.shape[:2], np.uint8)


def _random_position(canvas: U8, rng: np.random.Generator) -> tuple[float, float]:
    x, y = rng.uniform(-0.05, 1.05, 2) * canvas.shape[0]
    return float(x), float(y)


def _random_length(canvas: U8, rng: np.random.Generator, low: float, high: float) -> float:
    return float(math.exp(rng.uniform(math.log(low), math.log(high))) * canvas.shape[0])


def _draw_limb(
    mask: U8, start: tuple[float, float], end: tuple[float, float], thick: float
) -> None:
    a, b = (int(start[0]), int(start[1])), (int(end[0]), int(end[1]))
    cv2.line(mask, a, b, 255, max(1, int(thick)), cv2.LINE_AA)


def _blob(canvas: U8, rng: np.random.Generator) -> None:
    """Draw a stone, a fruit or a crumpled cloth: a closed curve of a few waves."""
    (x, y), radius = _random_position(canvas, rng), _random_length(canvas, rng, 0.02, 0.3)
    angle = np.linspace(0, 2 * math.pi, 60)
    reach = np.ones_like(angle)
    for wave in range(1, 7):
        reach += rng.normal(0, 0.3 / wave) * np.cos(wave * angle + rng.uniform(0, 6.3))
    reach = np.clip(reach, 0.2, 2) * radius
    flat = rng.uniform(0.4, 1)
    points = np.stack([x + reach * np.cos(angle), y + flat * reach * np.sin(angle)], 1)
    mask = _empty_mask(canvas)
    cv2.fillPoly(mask, [points.astype(np.int32)], 255, cv2.LINE_AA)
    draw_inflated(canvas, mask, random_tint(rng), rng)


def _bottle(canvas: U8, rng: np.random.Generator) -> None:
    """Draw a bottle, a jar, a can or a tube: a body and a cap of another colour, upright or lying."""
    (x, y), height = _random_position(canvas, rng), _random_length(canvas, rng, 0.08, 0.8)
    half = height * rng.uniform(0.1, 0.4) / 2
    slim = half * rng.uniform(0.25, 1.0)
    turn = rng.choice([0.0, 0.0, math.pi / 2]) + rng.normal(0, 0.12)
    cos, sin = math.cos(turn), math.sin(turn)
    top, bottom, shoulder = -height / 2, height / 2, -height * rng.uniform(0.1, 0.35)
    cap_top = top - height * rng.uniform(0.04, 0.16)
    body = [(-half, bottom), (-half, shoulder), (-slim, top), (slim, top)]
    body += [(half, shoulder), (half, bottom)]
    cap = [(-slim, top), (-slim, cap_top), (slim, cap_top), (slim, top)]
    for corners in (body, cap):
        points = [[x + a * cos - b * sin, y + a * sin + b * cos] for a, b in corners]
        mask = _empty_mask(canvas)
        cv2.fillPoly(mask, [np.array(points, np.int32)], 255, cv2.LINE_AA)
        draw_inflated(canvas, mask, random_tint(rng), rng)


def _ball(canvas: U8, rng: np.random.Generator) -> None:
    """Draw a ball, a lamp, a plate or a button."""
    (x, y), radius = _random_position(canvas, rng), _random_length(canvas, rng, 0.015, 0.25)
    axes = (int(radius) + 1, int(radius * rng.uniform(0.3, 1)) + 1)
    mask = _empty_mask(canvas)
    turn = float(rng.uniform(0, 180))
    cv2.ellipse(mask, (int(x), int(y)), axes, turn, 0, 360, 255, -1, cv2.LINE_AA)
    draw_inflated(canvas, mask, random_tint(rng), rng)


def _box(canvas: U8, rng: np.random.Generator) -> None:
    """Draw a box with one corner to the front: three faces of different brightness."""
    x, y = _random_position(canvas, rng)
    edges = [rng.uniform(0.03, 0.3, 2) * canvas.shape[0] * sign for sign in ((1, 0.3), (-1, 0.3))]
    down = np.array([0.0, _random_length(canvas, rng, 0.03, 0.35)])
    corner, shade = np.array([x, y]), random_tint(rng)
    faces = ((edges[0], down, 1.0), (edges[1], down, 0.7), (-edges[0], -edges[1], 1.2))
    for a, b, light in faces:
        points = np.array([corner, corner + a, corner + a + b, corner + b])
        face = tuple(float(v) for v in np.clip(shade * light, 0, 255))
        cv2.fillConvexPoly(canvas, points.astype(np.int32), face, cv2.LINE_AA)


def _hand(canvas: U8, rng: np.random.Generator) -> None:
    """Draw a hand with a sleeve."""
    (x, y), size = _random_position(canvas, rng), _random_length(canvas, rng, 0.08, 0.4)
    turn = rng.uniform(0, 2 * math.pi)

    def at(angle: float, reach: float) -> tuple[float, float]:
        return x + size * reach * math.cos(turn + angle), y + size * reach * math.sin(turn + angle)

    mask = _empty_mask(canvas)
    cv2.circle(mask, (int(x), int(y)), max(2, int(0.28 * size)), 255, -1, cv2.LINE_AA)
    for finger in range(int(rng.integers(2, 6))):
        angle = -0.5 + 0.28 * finger + rng.normal(0, 0.08)
        _draw_limb(mask, (x, y), at(angle, rng.uniform(0.45, 0.85)), 0.15 * size)
    _draw_limb(mask, (x, y), at(math.pi, 0.8), 0.35 * size)
    draw_inflated(canvas, mask, random_skin(rng), rng)
    sleeve = _empty_mask(canvas)
    _draw_limb(sleeve, at(math.pi, 0.75), at(math.pi + rng.normal(0, 0.2), 2.5), 0.55 * size)
    draw_inflated(canvas, sleeve, random_tint(rng), rng)


def _person(canvas: U8, rng: np.random.Generator) -> None:
    """Draw a person: legs, trunk, arms, head and hair, often in dark clothes."""
    (x, y), size = _random_position(canvas, rng), _random_length(canvas, rng, 0.12, 0.9)
    cloth = random_colour(rng, 0, 70) if random_bool(rng, 0.5) else random_tint(rng)
    hips, neck = (x, y), (x + rng.normal(0, 0.03) * size, y - 0.33 * size)
    legs = _empty_mask(canvas)
    for side in (-1, 1):
        foot = (x + side * rng.uniform(0, 0.14) * size, y + 0.5 * size)
        _draw_limb(legs, (x + side * 0.05 * size, y), foot, 0.1 * size)
    draw_inflated(canvas, legs, random_colour(rng, 0, 160), rng)
    trunk = _empty_mask(canvas)
    _draw_limb(trunk, hips, neck, 0.2 * size)
    for side in (-1, 1):
        elbow = (x + side * rng.uniform(0.1, 0.25) * size, y - rng.uniform(0, 0.2) * size)
        _draw_limb(trunk, (neck[0] + side * 0.08 * size, neck[1] + 0.05 * size), elbow, 0.08 * size)
    draw_inflated(canvas, trunk, cloth, rng)
    _draw_head(canvas, rng, (int(neck[0]), int(neck[1] - 0.12 * size)), size)


def _draw_head(canvas: U8, rng: np.random.Generator, head: tuple[int, int], size: float) -> None:
    for shade, drop in ((random_skin(rng), 0.0), (random_colour(rng, 0, 120), -0.035)):
        mask = _empty_mask(canvas)
        axes = (max(1, int(0.065 * size)), max(1, int(0.085 * size) - int(-drop * size)))
        centre = (head[0], head[1] + int(drop * size))
        cv2.ellipse(mask, centre, axes, 0, 0, 360, 255, -1, cv2.LINE_AA)
        if random_bool(rng, 0.9):
            draw_inflated(canvas, mask, shade, rng)


def _cable(canvas: U8, rng: np.random.Generator) -> None:
    """Draw a cable, a pipe or a branch."""
    mask, points = _empty_mask(canvas), [np.array(_random_position(canvas, rng))]
    heading = rng.uniform(0, 2 * math.pi)
    for _ in range(int(rng.integers(3, 14))):
        heading += rng.normal(0, 0.6)
        step = rng.uniform(0.04, 0.12) * canvas.shape[0]
        points.append(points[-1] + step * np.array([math.cos(heading), math.sin(heading)]))
    thick = max(1, int(_random_length(canvas, rng, 0.005, 0.08)))
    cv2.polylines(mask, [np.array(points, np.int32)], False, 255, thick, cv2.LINE_AA)  # noqa: FBT003  # OpenCV's order
    draw_inflated(canvas, mask, random_tint(rng), rng)


_SOLIDS: tuple[Callable[[U8, np.random.Generator], None], ...] = (
    _blob, _blob, _bottle, _bottle, _ball, _ball, _box, _hand, _person, _person, _cable,
)  # fmt: skip
