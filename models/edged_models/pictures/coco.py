"""Pictures labelled in COCO's form: one JSON with images, annotations and categories, as most labelling tools export it.

Boxes of groups (``iscrowd``) are left out, and so are segments and key points.
"""

from collections import defaultdict
from pathlib import Path

import msgspec
from msgspec import Struct

from edged_models.errors import PicturesError
from edged_models.pictures.class_names import map_class_ids
from edged_models.pictures.files import FilePictures, PictureEntry, build_entry

_Id = int | str


class _Image(Struct):
    id: _Id
    file_name: str
    width: int
    height: int


class _Annotation(Struct):
    image_id: _Id
    category_id: int
    bbox: tuple[float, float, float, float]
    """Left, top, width, height in pixels."""
    iscrowd: int = 0


class _Category(Struct):
    id: int
    name: str
    supercategory: str | None = None


class _Coco(Struct):
    images: list[_Image]
    annotations: list[_Annotation]
    categories: list[_Category]


class _CocoProbe(Struct):
    """Enough to tell a COCO file from another JSON."""

    images: msgspec.Raw = msgspec.Raw()
    annotations: msgspec.Raw = msgspec.Raw()


def try_open(spec: str, labels: tuple[str, ...] | None) -> FilePictures | None:
    """The path of the JSON, or of a folder with one in it or in its ``annotations``."""
    path = Path(spec)
    if path.is_dir():
        path = _find_annotations(path)
    if path is None or path.suffix.lower() != ".json" or not path.is_file():
        return None
    coco = _parse(path)
    boxes = _group_by_image(coco, path)
    names = _class_names(coco)
    used = {one.category_id for ones in boxes.values() for one in ones}
    wanted, index_of = map_class_ids(names, labels, used=used, set_name=str(path))
    folder = _find_pictures_folder(path, coco)
    entries = [_build_entry(image, boxes[image.id], index_of, folder) for image in coco.images]
    missing = next((e.path for e in entries if not e.path.is_file()), None)
    if missing:
        raise PicturesError(f"{path} names a picture that is not there: {missing}")
    return FilePictures(spec, wanted, entries)


def _find_annotations(folder: Path) -> Path | None:
    found = sorted([*folder.glob("*.json"), *folder.glob("annotations/*.json")])
    mine = [path for path in found if _is_coco(path)]
    if len(mine) > 1:
        names = ", ".join(str(path.relative_to(folder)) for path in mine)
        raise PicturesError(f"{folder} has several annotation files: name one of {names}")
    return mine[0] if mine else None


def _is_coco(path: Path) -> bool:
    try:
        outline = msgspec.json.decode(_read(path), type=_CocoProbe)
    except msgspec.ValidationError:  # JSON, but no object
        return False
    except msgspec.DecodeError as error:
        raise PicturesError(f"{path} is no JSON, or a damaged one: {error}") from error
    return bool(outline.images and outline.annotations)


def _parse(path: Path) -> _Coco:
    try:
        coco = msgspec.json.decode(_read(path), type=_Coco)
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise PicturesError(f"{path} has no annotations in COCO's form: {error}") from error
    if not coco.images:
        raise PicturesError(f"{path} names no pictures")
    for place, image in enumerate(coco.images):
        if image.width <= 0 or image.height <= 0:
            size = f"{image.width}x{image.height}"
            raise PicturesError(f"{path}: images[{place}] ({image.file_name}) is {size} pixels")
    return coco


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise PicturesError(f"cannot read {path}: {error.strerror or error}") from error


def _group_by_image(coco: _Coco, path: Path) -> dict[_Id, list[_Annotation]]:
    """The annotations of each picture.

    Raises:
        PicturesError: one refers to a picture or a category that is not there, or has an impossible box.
    """
    images = {image.id for image in coco.images}
    if len(images) < len(coco.images):
        raise PicturesError(f"{path}: two images have one id")
    categories = {category.id for category in coco.categories}
    by_image = defaultdict(list)
    for place, one in enumerate(coco.annotations):
        wrong = ""
        if one.image_id not in images:
            wrong = f"there is no image {one.image_id}"
        elif one.category_id not in categories:
            wrong = f"there is no category {one.category_id}"
        elif min(one.bbox[2:]) < 0:
            wrong = f"its box {list(one.bbox)} has a negative side"
        if wrong:
            raise PicturesError(f"{path}: annotations[{place}]: {wrong}")
        if not one.iscrowd:
            by_image[one.image_id].append(one)
    return by_image


def _class_names(coco: _Coco) -> dict[int, str]:
    """Names by id, without headings: some exporters list the parent of all categories as one that is never used."""
    used = {one.category_id for one in coco.annotations}
    parents = {category.supercategory for category in coco.categories}
    return {c.id: c.name for c in coco.categories if c.id in used or c.name not in parents}


def _find_pictures_folder(path: Path, coco: _Coco) -> Path:
    """The folder that file names are relative to: beside the JSON, or as the COCO set itself is laid out."""
    parent, split = path.parent, path.stem.removeprefix("instances_")
    names = ("", "images", f"../{split}", f"../images/{split}", "../images", "..")
    for name in names:
        if (parent / name / coco.images[0].file_name).is_file():
            return parent / name
    return parent


def _build_entry(
    image: _Image, boxes: list[_Annotation], index_of: dict[int, int], folder: Path
) -> PictureEntry:
    width, height = image.width, image.height
    corners = [
        (x / width, y / height, (x + w) / width, (y + h) / height)
        for x, y, w, h in (one.bbox for one in boxes)
    ]
    classes = [index_of[one.category_id] for one in boxes]
    return build_entry(folder / image.file_name, corners, classes, size_px=(width, height))
