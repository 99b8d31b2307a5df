"""Writing a set of pictures as a COCO folder: PNG files and ``annotations.json``."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import cv2

from edged_models.errors import ToolError
from edged_models.files import write_bytes, write_text
from edged_models.pictures.labelled import LabelledPicture

ANNOTATIONS_FILE = "annotations.json"


class CocoWriter:
    """A COCO folder that is being written; it is complete after `close`, which writes the annotations."""

    def __init__(self, folder: Path, labels: tuple[str, ...]) -> None:
        """Make sure that the folder holds no annotations.

        Raises:
            ToolError: it does.
        """
        if (folder / ANNOTATIONS_FILE).exists():
            raise ToolError(
                f"{folder} already holds {ANNOTATIONS_FILE}: remove it, or choose another --out"
            )
        self._folder = folder
        self._categories = [{"id": i, "name": name} for i, name in enumerate(labels, start=1)]
        self._images: list[dict[str, Any]] = []
        self._annotations: list[dict[str, Any]] = []

    def add(self, picture: LabelledPicture) -> None:
        """Write one picture as a PNG file.

        Raises:
            ToolError: the file cannot be written.
        """
        number = len(self._images) + 1
        name, (height, width) = f"{number:06d}.png", picture.image.shape[:2]
        _, content = cv2.imencode(".png", picture.image[..., ::-1])
        write_bytes(self._folder / name, content.tobytes())
        self._images.append({"id": number, "file_name": name, "width": width, "height": height})
        self._annotations.extend(self._annotation_rows(picture, number, width, height))

    def close(self) -> None:
        """Write the annotations.

        Raises:
            ToolError: the file cannot be written.
        """
        content = {
            "images": self._images,
            "annotations": self._annotations,
            "categories": self._categories,
        }
        write_text(self._folder / ANNOTATIONS_FILE, json.dumps(content, indent=1))

    def _annotation_rows(
        self, picture: LabelledPicture, image_id: int, width: int, height: int
    ) -> Iterator[dict[str, Any]]:
        objects = zip(picture.boxes, picture.classes, strict=True)
        for row, (box, class_id) in enumerate(objects, start=1):
            x1, y1, x2, y2 = (box * [width, height, width, height]).round(2).tolist()
            box_width, box_height = round(x2 - x1, 2), round(y2 - y1, 2)
            yield {
                "id": len(self._annotations) + row,
                "image_id": image_id,
                "category_id": int(class_id) + 1,
                "bbox": [x1, y1, box_width, box_height],
                "area": round(box_width * box_height, 2),
                "iscrowd": 0,
            }
