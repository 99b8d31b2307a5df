"""Drawn scenes with the boxes of the marks in them; each depends only on its seed."""

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
"""The version of the scenes; raise it when they change, because figures of different recipes are not comparable."""
SIDE_PX = 320
TRAINING_SEEDS = range(10_000_000, 1_000_000_000)
"""A million scenes for each training seed. Scenes of smaller seeds are for evaluation and never used for training."""
_ASPECTS = (1.0, 4 / 3, 16 / 9, 3 / 4)
_ASPECT_SHARES = (0.35, 0.3, 0.25, 0.1)
_COUNT_SHARES = (0.26, 0.24, 0.18, 0.13, 0.09, 0.06, 0.04)

_PHOTOGRAPH_SHARE = 0.5
_BARE_PHOTOGRAPH_SHARE = 0.45
"""Photographs cause the most false alarms, so many are shown without any mark."""

_STAGE_SHARE = 0.12
_FRAMES_PER_STAGE = 8
_FIRST_STAGE_SEED = 1_000_000
"""Stages of smaller seeds are for the daemon's tests and demonstration and never used for training."""


@dataclass(frozen=True, slots=True)
class DrawnScene:
    """A drawn picture with its ground truth.

    Attributes:
        image: (SIDE_PX, SIDE_PX, 3) uint8, RGB.
        boxes: (N, 4) float32, [x1, y1, x2, y2] in pixels.
        classes: (N,) int32, indices into `MARK_LABELS`.
    """

    image: NDArray[np.uint8]
    boxes: NDArray[np.float32]
    classes: NDArray[np.int32]


def draw_scene(
    seed: int, *, hard: bool = False, photographs: Photographs | None = None
) -> DrawnScene:
    """Draw a scene.

    Args:
        seed: determines the scene.
        hard: true for more blur, noise and darkness.
        photographs: backgrounds for half of the scenes; None to draw all backgrounds.

    Raises:
        PicturesError: a photograph cannot be read.
    """
    rng = np.random.default_rng([seed, int(hard)])
    if not hard and random_bool(rng, _STAGE_SHARE):
        return _draw_stage_scene(seed, rng)
    canvas, count = _choose_background(rng, photographs)
    placed = _place_marks(canvas, rng, count, max_size_share=0.5 if hard else 0.95)
    return _build_scene(degrade(canvas, rng, hard=hard), [(p.label, p.box) for p in placed])


def _choose_background(
    rng: np.random.Generator, photographs: Photographs | None
) -> tuple[NDArray[np.uint8], int]:
    """Return a background and the number of marks on it."""
    if photographs and random_bool(rng, _PHOTOGRAPH_SHARE):
        canvas = photographs.crop(rng, SIDE_PX)
        return canvas, 0 if random_bool(rng, _BARE_PHOTOGRAPH_SHARE) else _random_mark_count(rng)
    return backgrounds.draw_background(rng, SIDE_PX), _random_mark_count(rng)


def _place_marks(
    canvas: NDArray[np.uint8], rng: np.random.Generator, count: int, *, max_size_share: float
) -> list[PlacedMark]:
    aspect = float(rng.choice(_ASPECTS, p=_ASPECT_SHARES))
    placed: list[PlacedMark] = []
    for _ in range(count):
        mark = place_mark(canvas, rng, placed, aspect=aspect, max_size_share=max_size_share)
        if mark is not None:
            placed.append(mark)
    return placed


def _random_mark_count(rng: np.random.Generator) -> int:
    return int(rng.choice(len(_COUNT_SHARES), p=_COUNT_SHARES))


def _draw_stage_scene(seed: int, rng: np.random.Generator) -> DrawnScene:
    """Draw a frame of the synthetic camera, stretched to the model's input as the daemon does it."""
    stage = _get_stage(_FIRST_STAGE_SEED + seed // _FRAMES_PER_STAGE)
    index = int(rng.integers(0, 600))
    image = cv2.resize(
        stage.render_frame(index), (SIDE_PX, SIDE_PX), interpolation=cv2.INTER_LINEAR
    )
    visible = [
        (t.label, t.box * SIDE_PX) for t in stage.get_ground_truth(index) if t.visible_share > 1 / 2
    ]
    return _build_scene(np.ascontiguousarray(image[..., ::-1]), visible)


@lru_cache(maxsize=2)
def _get_stage(seed: int) -> SyntheticScene:
    rng = np.random.default_rng(seed)
    width, height = ((320, 240), (640, 480), (640, 360), (480, 480))[rng.integers(4)]
    interval_s = float(rng.uniform(1.5, 4))
    noise = float(rng.uniform(0, 9))
    return SyntheticScene(
        width=width, height=height, fps=10, seed=seed, interval_s=interval_s, noise=noise
    )


def _build_scene(
    image: NDArray[np.uint8], marks: list[tuple[str, NDArray[np.float32]]]
) -> DrawnScene:
    boxes = np.array([box for _, box in marks], np.float32).reshape(-1, 4)
    classes = np.array([MARK_LABELS.index(label) for label, _ in marks], np.int32)
    return DrawnScene(image, boxes, classes)
