"""Pictures of drawn marks, in a folder for each class."""

from pathlib import Path

import cv2
import numpy as np

from edged.marks.draw import draw_mark
from edged.marks.mark import paste

CLASSES = ("fiducial_tag", "warning_sign")
PERSONALISABLE = Path(__file__).with_name("personalisable.tflite")
"""A model that learns up to four classes, made by tests/models/make_personalisable_model.py."""


def draw_picture(kind: str, rng: np.random.Generator) -> np.ndarray:
    """Draw a mark at a random place on a noisy background, (240, 320, 3) uint8, BGR."""
    background = rng.integers(40, 215, 3) + rng.normal(0, 12, (240, 320, 3))
    image = np.clip(background, 0, 255).astype(np.uint8)
    mark = draw_mark(kind, rng).resize(rng.uniform(70, 170))
    height, width = mark.alpha.shape
    y, x = rng.integers(0, 240 - height), rng.integers(0, 320 - width)
    paste(image[y : y + height, x : x + width], mark.rgb, mark.alpha)
    return np.ascontiguousarray(image[..., ::-1])


def draw_classes(folder: Path, count: int, *, seed: int) -> Path:
    """Draw pictures of both classes.

    Args:
        folder: where to make the subfolders.
        count: number of pictures of each class.
        seed: determines them.
    """
    rng = np.random.default_rng(seed)
    for kind in CLASSES:
        (folder / kind).mkdir(parents=True)
        for number in range(count):
            cv2.imwrite(str(folder / kind / f"{number:02}.png"), draw_picture(kind, rng))
    return folder
