"""Writing a set of pictures as a COCO folder: PNG files and ``annotations.json``."""

import json
import os
import shutil
from pathlib import Path
from typing import Any, Self

import cv2
import numpy as np
from numpy.typing import NDArray
from pycocotools import mask

from edged_models.errors import ToolError
from edged_models.files import write_bytes, write_text
from edged_models.pictures.labelled import LabelledPicture

ANNOTATIONS_FILE = "annotations.json"
_DIGITS = 3
"""Digits of a coordinate, pixels: what float32 has in a picture of 8192 px."""


class CocoWriter:
    """A context in which a COCO folder is written; it appears when the context ends without an error."""

    def __init__(self, folder: Path, labels: tuple[str, ...]) -> None:
        self._folder = folder
        whole = folder.resolve()
        self._partial = whole.with_name(f".{whole.name}.{os.getpid()}.partial")
        self._categories = [{"id": i, "name": name} for i, name in enumerate(labels, start=1)]
        self._images: list[dict[str, Any]] = []
        self._annotations: list[dict[str, Any]] = []
        self._is_cancelled = False

    def __enter__(self) -> Self:
        """Make sure that nothing is there.

        Raises:
            ToolError: the folder holds something.
        """
        if self._folder.exists() and (not self._folder.is_dir() or any(self._folder.iterdir())):
            raise ToolError(
                f"{self._folder} already holds something: remove it, or choose another --out"
            )
        return self

    def __exit__(self, kind: object, *_: object) -> None:
        """Write the annotations and give the folder its name, or remove it after an error.

        Raises:
            ToolError: a file cannot be written.
        """
        try:
            if kind is None and not self._is_cancelled:
                self._complete()
        finally:
            shutil.rmtree(self._partial, ignore_errors=True)

    def add(self, picture: LabelledPicture) -> None:
        """Write one picture as a PNG file.

        Raises:
            ToolError: the file cannot be written.
        """
        number = len(self._images) + 1
        name, (height, width) = f"{number:06d}.png", picture.image.shape[:2]
        _, content = cv2.imencode(".png", picture.image[..., ::-1])
        write_bytes(self._partial / name, content.tobytes())
        self._images.append({"id": number, "file_name": name, "width": width, "height": height})
        for box, class_id in zip(picture.boxes, picture.classes, strict=True):
            self._annotate(box * [width, height, width, height], int(class_id))
        for box, class_id in zip(picture.crowd_boxes, picture.crowd_classes, strict=True):
            pixels = box * [width, height, width, height]
            area = _encode_area(pixels, width, height)
            self._annotate(pixels, int(class_id), iscrowd=1, segmentation=area)

    def cancel(self) -> None:
        """Let the context end without a folder."""
        self._is_cancelled = True

    def _annotate(
        self, pixels: NDArray[np.float64], class_id: int, *, iscrowd: int = 0, **more: Any
    ) -> None:
        x1, y1, x2, y2 = pixels.round(_DIGITS).tolist()
        width, height = round(x2 - x1, _DIGITS), round(y2 - y1, _DIGITS)
        row = {
            # pycocotools takes the id 0 of an object for "none", and of two objects with one id only the last.
            "id": len(self._annotations) + 1,
            "image_id": len(self._images),
            "category_id": class_id + 1,
            "bbox": [x1, y1, width, height],
            "area": round(width * height, _DIGITS),
            "iscrowd": iscrowd,
        }
        self._annotations.append(row | more)

    def _complete(self) -> None:
        content = {
            "images": self._images,
            "annotations": self._annotations,
            "categories": self._categories,
        }
        write_text(self._partial / ANNOTATIONS_FILE, json.dumps(content, indent=1))
        try:
            self._partial.replace(self._folder)
        except OSError as error:
            raise ToolError(f"cannot write {self._folder}: {error.strerror or error}") from error


def _encode_area(pixels: NDArray[np.float64], width: int, height: int) -> dict[str, Any]:
    """Return the box as a mask in COCO's run-length encoding, the form that its tools expect of an area with many objects."""
    filled = np.zeros((height, width), np.uint8, order="F")
    x1, y1, x2, y2 = pixels.round().astype(int).tolist()
    filled[y1:y2, x1:x2] = 1
    encoded = mask.encode(filled)
    return {"size": encoded["size"], "counts": encoded["counts"].decode("ascii")}
