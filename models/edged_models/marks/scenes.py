"""Pictures to learn from, with the boxes of the marks in them; each depends on its seed alone."""

from dataclasses import dataclass
from functools import lru_cache

import cv2
import numpy as np
from numpy.typing import NDArray

from edged.marks import MARK_LABELS
from edged.marks.mark import random_bool
from edged.marks.synthetic_scene import SyntheticScene
from edged_models.marks import backgrounds
from edged_models.marks.degradation import degrade
from edged_models.marks.photographs import Photographs
from edged_models.marks.placement import PlacedMark, place_mark

RECIPE = 2
"""Raised when the scenes change: figures of another recipe do not compare."""
SIDE_PX = 320
TRAINING_SEEDS = range(10_000_000, 1_000_000_000)
"""Scenes of smaller seeds are for judging: nothing is learnt from them. A million for each seed of a training."""
_ASPECTS = (1.0, 4 / 3, 16 / 9, 3 / 4)
_ASPECT_SHARES = (0.35, 0.3, 0.25, 0.1)
_COUNT_SHARES = (0.26, 0.24, 0.18, 0.13, 0.09, 0.06, 0.04)

_PHOTOGRAPH_SHARE = 0.5
_BARE_PHOTOGRAPH_SHARE = 0.45
"""Photographs are where false alarms come from: many are shown without any mark."""

_STAGE_SHARE = 0.12
_FRAMES_PER_STAGE = 8
_FIRST_STAGE_SEED = 1_000_000
"""Stages below are for the daemon's tests and demonstration: nothing is learnt from them."""


@dataclass(frozen=True, slots=True)
class DrawnScene:
    """A picture and its truth.

    Attributes:
        image: (SIDE_PX, SIDE_PX, 3) uint8, RGB.
        boxes: (N, 4) float32, x1 y1 x2 y2, pixels.
        classes: (N,) int32, indices into `MARKS`.
    """

    image: NDArray[np.uint8]
    boxes: NDArray[np.float32]
    classes: NDArray[np.int32]


def draw_scene(
    seed: int, *, hard: bool = False, photographs: Photographs | None = None
) -> DrawnScene:
    """Draw a scene.

    Args:
        seed: all that chance depends on.
        hard: with more blur, noise and dark.
        photographs: to put marks before, in half of the scenes; without them, all grounds are drawn.

    Raises:
        PicturesError: one of the photographs cannot be read.
    """
    rng = np.random.default_rng([seed, int(hard)])
    if not hard and random_bool(rng, _STAGE_SHARE):
        return _draw_stage_scene(seed, rng)
    if photographs and random_bool(rng, _PHOTOGRAPH_SHARE):
        canvas = photographs.crop(rng, SIDE_PX)
        marks = 0 if random_bool(rng, _BARE_PHOTOGRAPH_SHARE) else _draw_mark_count(rng)
    else:
        canvas = backgrounds.draw_background(rng, SIDE_PX)
        marks = _draw_mark_count(rng)
    aspect = float(rng.choice(_ASPECTS, p=_ASPECT_SHARES))
    placed: list[PlacedMark] = []
    for _ in range(marks):
        one = place_mark(canvas, rng, placed, aspect=aspect, max_size_share=0.5 if hard else 0.95)
        if one is not None:
            placed.append(one)
    return _build_scene(degrade(canvas, rng, hard=hard), [(p.label, p.box) for p in placed])


def _draw_mark_count(rng: np.random.Generator) -> int:
    return int(rng.choice(len(_COUNT_SHARES), p=_COUNT_SHARES))


def _draw_stage_scene(seed: int, rng: np.random.Generator) -> DrawnScene:
    """What the synthetic camera would show, stretched to the model's input as the daemon does it."""
    stage = _get_stage(_FIRST_STAGE_SEED + seed // _FRAMES_PER_STAGE)
    index = int(rng.integers(0, 600))
    image = cv2.resize(
        stage.render_frame(index), (SIDE_PX, SIDE_PX), interpolation=cv2.INTER_LINEAR
    )
    seen = [
        (t.label, t.box * SIDE_PX) for t in stage.get_ground_truth(index) if t.visible_share > 1 / 2
    ]
    return _build_scene(np.ascontiguousarray(image[..., ::-1]), seen)


@lru_cache(maxsize=2)
def _get_stage(seed: int) -> SyntheticScene:
    rng = np.random.default_rng(seed)
    width, height = ((320, 240), (640, 480), (640, 360), (480, 480))[rng.integers(4)]
    every_s = float(rng.uniform(1.5, 4))
    noise = float(rng.uniform(0, 9))
    return SyntheticScene(
        width=width, height=height, fps=10, seed=seed, interval_s=every_s, noise=noise
    )


def _build_scene(
    image: NDArray[np.uint8], seen: list[tuple[str, NDArray[np.float32]]]
) -> DrawnScene:
    boxes = np.array([box for _, box in seen], np.float32).reshape(-1, 4)
    return DrawnScene(
        image, boxes, np.array([MARK_LABELS.index(label) for label, _ in seen], np.int32)
    )
