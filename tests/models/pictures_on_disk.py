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


def write_yolo_folder(folder: Path, rows: dict[str, str | None], data_yaml: str) -> None:
    """Write pictures and their label files by path, as in ``train/images/a.jpg``; no file of labels for one with None."""
    for seed, (name, text) in enumerate(rows.items()):
        picture = write_picture(folder / name, seed=seed)
        if text is not None:
            *parts, _, _ = picture.parts
            labels = Path(*parts, "labels", picture.stem + ".txt")
            labels.parent.mkdir(exist_ok=True)
            labels.write_text(text)
    (folder / "data.yaml").write_text(data_yaml)


def write_voc_annotation(path: Path, objects: str, *, width: int = WIDTH_PX) -> Path:
    """Write an XML file with a size and these objects."""
    path.parent.mkdir(parents=True, exist_ok=True)
    size = f"<size><width>{width}</width><height>{HEIGHT_PX}</height><depth>3</depth></size>"
    path.write_text(f"<annotation><filename>x.jpg</filename>{size}{objects}</annotation>")
    return path


def voc_object(name: str, box: tuple[float, float, float, float], more: str = "") -> str:
    """Return an object of an XML file; `box` is xmin, ymin, xmax and ymax."""
    sides = "".join(
        f"<{side}>{number}</{side}>"
        for side, number in zip(("xmin", "ymin", "xmax", "ymax"), box, strict=True)
    )
    return f"<object><name>{name}</name>{more}<bndbox>{sides}</bndbox></object>"
