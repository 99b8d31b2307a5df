"""Writes small labelled sets of pictures, as other tools would."""

import json
from pathlib import Path

import cv2
import numpy as np

WIDTH_PX, HEIGHT_PX = 80, 40


def write_picture(
    path: Path, *, seed: int = 0, width: int = WIDTH_PX, height: int = HEIGHT_PX
) -> Path:
    """Write a picture of blurred coloured noise."""
    path.parent.mkdir(parents=True, exist_ok=True)
    noise = np.random.default_rng(seed).integers(0, 255, (height, width, 3), dtype=np.uint8)
    assert cv2.imwrite(str(path), cv2.GaussianBlur(noise, (0, 0), 3))
    return path


def write_coco_folder(folder: Path, **changes: object) -> Path:
    """Write two pictures, the first with a cat and a dog; `changes` replace parts of the JSON file."""
    write_picture(folder / "a.png", seed=1)
    write_picture(folder / "b.png", seed=2)
    size = {"width": WIDTH_PX, "height": HEIGHT_PX}
    content = {
        "images": [
            {"id": 7, "file_name": "a.png", **size},
            {"id": 3, "file_name": "b.png", **size},
        ],
        "categories": [
            {"id": 0, "name": "animals", "supercategory": "none"},
            {"id": 18, "name": "dog", "supercategory": "animals"},
            {"id": 17, "name": "cat", "supercategory": "animals"},
        ],
        "annotations": [
            {"id": 1, "image_id": 7, "category_id": 18, "bbox": [8, 4, 16, 8]},
            {"id": 2, "image_id": 7, "category_id": 17, "bbox": [40, 20, 80, 8]},
            {"id": 3, "image_id": 3, "category_id": 17, "bbox": [0, 0, 9, 9], "iscrowd": 1},
            {"id": 4, "image_id": 3, "category_id": 17, "bbox": [90, 0, 9, 9]},
        ],
    }
    path = folder / "_annotations.coco.json"
    path.write_text(json.dumps({**content, **changes}))
    return path
