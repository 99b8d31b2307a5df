"""A set of hard examples: the JPEGs of devices, and a COCO file with what their models found, which grows with each collection."""

import re
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec

from edged.pictures.example import ExampleBox, ExampleNote, read_note
from edged.pictures.ring import parse_name
from edged_models.errors import ToolError
from edged_models.files import write_bytes
from edged_models.picture_files import find_picture_files

ANNOTATIONS_FILE = "annotations.json"
_DESCRIPTION = "Hard examples of edged. The annotations with unchecked = true are what a model found: check them before training or evaluating."
_DEVICE = re.compile(r"[A-Za-z0-9_-]{1,64}")
_SEPARATOR = "~"
_DIGITS = 3
_LISTS = ("images", "annotations", "categories")
_MS_PER_S = 1000


class ExampleSet:
    """The folder of a set. What it holds already is kept as it is: a person may have corrected it."""

    def __init__(self, folder: Path) -> None:
        """Read nothing yet.

        Args:
            folder: the folder; it need not exist.
        """
        self._folder = folder
        self._path = folder / ANNOTATIONS_FILE
        self._coco: dict[str, Any] = {}
        self._next_ids: dict[str, int] = {}
        self._is_changed = False

    def load(self) -> None:
        """Read what the folder holds; pictures that an interrupted collection has left are listed.

        Raises:
            ToolError: its annotations cannot be read or are of another form.
        """
        self._coco = {"info": {"description": _DESCRIPTION}}
        if self._path.exists():
            self._coco = _read_coco(self._path)
        for key in _LISTS:
            rows = self._coco.setdefault(key, [])
            self._next_ids[key] = max((row["id"] for row in rows), default=0) + 1
        unlisted = find_picture_files(self._folder) if self._folder.is_dir() else []
        listed = self._listed
        for path in unlisted:
            if path.parent == self._folder and path.name not in listed:
                self._list_if_example(path)

    @property
    def _listed(self) -> set[str]:
        return {str(image.get("file_name")) for image in self._coco["images"]}

    def __len__(self) -> int:
        """Return the number of pictures."""
        return len(self._coco["images"])

    def select_new(self, names: list[str]) -> list[str]:
        """Return those of a device's hard examples that the set has never had."""
        known = {name.partition(_SEPARATOR)[2] for name in self._listed}
        return [name for name in names if name not in known]

    def add(self, name: str, jpeg: bytes) -> ExampleNote:
        """Write a picture; return what its device knew of it.

        Args:
            name: name of the device's file.
            jpeg: its content.

        Raises:
            ToolError: it is no hard example, or cannot be written.
        """
        note = _read_example(name, jpeg)
        own_name = f"{note.device}{_SEPARATOR}{name}"
        write_bytes(self._folder / own_name, jpeg)
        self._list(own_name, note)
        return note

    def save(self) -> None:
        """Write the annotations if there are new ones.

        Raises:
            ToolError: they cannot be written.
        """
        if self._is_changed:
            packed = msgspec.json.format(msgspec.json.encode(self._coco), indent=1)
            write_bytes(self._path, packed)
            self._is_changed = False

    def _list_if_example(self, path: Path) -> None:
        try:
            note = read_note(path.read_bytes())
        except (OSError, ValueError):
            return  # somebody else's picture
        self._list(path.name, note)

    def _list(self, name: str, note: ExampleNote) -> None:
        number = self._take_id("images")
        taken = datetime.fromtimestamp(note.taken_ms / _MS_PER_S, UTC)
        self._coco["images"].append(
            {
                "id": number,
                "file_name": name,
                "width": note.width,
                "height": note.height,
                "date_captured": taken.isoformat(timespec="seconds"),
                "camera": note.camera,
                "model": note.model,
                "reason": note.reason,
            }
        )
        for box in note.boxes:
            self._annotate(number, box, note)
        self._is_changed = True

    def _annotate(self, image: int, found: ExampleBox, note: ExampleNote) -> None:
        _, _, width, height = box = _to_coco(found, note)
        if width <= 0 or height <= 0:
            return
        self._coco["annotations"].append(
            {
                "id": self._take_id("annotations"),
                "image_id": image,
                "category_id": self._find_category(found.label),
                "bbox": box,
                "area": round(width * height, _DIGITS),
                # What is hidden teaches nothing, and is no background either.
                "iscrowd": int(found.is_hidden),
                "score": found.score,
                "unchecked": True,
            }
        )

    def _find_category(self, label: str) -> int:
        categories = self._coco["categories"]
        for category in categories:
            if category.get("name") == label:
                return int(category["id"])
        number = self._take_id("categories")
        categories.append({"id": number, "name": label})
        return number

    def _take_id(self, key: str) -> int:
        number = self._next_ids[key]
        self._next_ids[key] += 1
        return number


def _to_coco(found: ExampleBox, note: ExampleNote) -> list[float]:
    """Return left, top, width and height in pixels, within the picture."""
    limits = (note.width, note.height) * 2
    x1, y1, x2, y2 = (
        min(max(part, 0.0), 1.0) * limit for part, limit in zip(found.box, limits, strict=True)
    )
    return [round(value, _DIGITS) for value in (x1, y1, x2 - x1, y2 - y1)]


def _read_example(name: str, jpeg: bytes) -> ExampleNote:
    """Return the note of a device's file; a device is not trusted with names and sizes."""
    try:
        note = read_note(jpeg)
    except ValueError as error:
        raise ToolError(f"not a hard example: {error}") from error
    is_named = parse_name(name, len(jpeg)) is not None and _DEVICE.fullmatch(note.device)
    if not (is_named and note.width > 0 and note.height > 0):
        raise ToolError("not a hard example: its name, device or size is none")
    return note


def _read_coco(path: Path) -> dict[str, Any]:
    try:
        coco = msgspec.json.decode(path.read_bytes(), type=dict[str, Any])
    except (OSError, msgspec.MsgspecError) as error:
        raise ToolError(f"cannot extend {path}: {error}; choose another --out") from error
    rows = [row for key in _LISTS for row in _rows_of(coco, key)]
    if not all(isinstance(row, dict) and isinstance(row.get("id"), int) for row in rows):
        raise ToolError(
            f"cannot extend {path}: it is no COCO file with numbers as ids; choose another --out"
        )
    return coco


def _rows_of(coco: dict[str, Any], key: str) -> list[Any]:
    rows = coco.get(key, [])
    return rows if isinstance(rows, list) else [rows]
