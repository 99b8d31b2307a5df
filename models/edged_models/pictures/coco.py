"""Pictures labelled in the COCO format: one JSON file with images, annotations and categories, as most labelling tools export it.

Boxes of groups (``iscrowd``), segments and key points are ignored.
"""

from collections import defaultdict
from pathlib import Path

import msgspec
from msgspec import Struct

from edged.text import to_utf8
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
    """Left, top, width and height, in pixels."""
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
    """The keys by which a COCO file is recognised."""

    images: msgspec.Raw = msgspec.Raw()
    annotations: msgspec.Raw = msgspec.Raw()


def try_open(spec: str, labels: tuple[str, ...] | None) -> FilePictures | None:
    """Open a COCO file, or a folder that has one, directly or in ``annotations``; return None if there is none.

    Raises:
        PicturesError: the file is damaged, contradicts itself or does not fit `labels`, or a picture is missing.
    """
    path = Path(spec)
    if path.is_dir():
        path = _find_annotations(path)
    if path is None or path.suffix.lower() != ".json" or not path.is_file():
        return None
    coco = _parse(path)
    boxes = _group_by_image(coco, path)
    names = _class_names(coco)
    used = {annotation.category_id for listed in boxes.values() for annotation in listed}
    wanted, index_of = map_class_ids(names, labels, used=used, set_name=str(path))
    folder = _find_pictures_folder(path, coco)
    entries = [_build_entry(image, boxes[image.id], index_of, folder) for image in coco.images]
    _check_pictures_exist(entries, path)
    return FilePictures(spec, wanted, entries)


def _check_pictures_exist(entries: list[PictureEntry], path: Path) -> None:
    missing = next((e.path for e in entries if not e.path.is_file()), None)
    if missing:
        raise PicturesError(f"{path} names a picture that does not exist: {missing}")


def _find_annotations(folder: Path) -> Path | None:
    found = sorted([*folder.glob("*.json"), *folder.glob("annotations/*.json")])
    coco_files = [path for path in found if _is_coco(path)]
    if len(coco_files) > 1:
        names = ", ".join(str(path.relative_to(folder)) for path in coco_files)
        raise PicturesError(f"{folder} has several annotation files: name one of {names}")
    return coco_files[0] if coco_files else None


def _is_coco(path: Path) -> bool:
    try:
        probe = msgspec.json.decode(_read(path), type=_CocoProbe)
    except msgspec.ValidationError:  # JSON, but not an object
        return False
    except msgspec.DecodeError as error:
        raise PicturesError(f"{path} is not JSON, or is damaged: {error}") from error
    return bool(probe.images and probe.annotations)


def _parse(path: Path) -> _Coco:
    try:
        coco = msgspec.json.decode(_read(path), type=_Coco)
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise PicturesError(f"{path} has no annotations in the COCO format: {error}") from error
    if not coco.images:
        raise PicturesError(f"{path} names no pictures")
    for index, image in enumerate(coco.images):
        if image.width <= 0 or image.height <= 0:
            size = f"{image.width}x{image.height}"
            raise PicturesError(f"{path}: images[{index}] ({image.file_name}) is {size} pixels")
    return coco


def _read(path: Path) -> bytes:
    try:
        return to_utf8(path.read_bytes())
    except OSError as error:
        raise PicturesError(f"cannot read {path}: {error.strerror or error}") from error


def _group_by_image(coco: _Coco, path: Path) -> dict[_Id, list[_Annotation]]:
    """Return the annotations of each picture; raise `PicturesError` for one that contradicts the rest of the file."""
    images = {image.id for image in coco.images}
    if len(images) < len(coco.images):
        raise PicturesError(f"{path}: two images have the same id")
    categories = {category.id for category in coco.categories}
    by_image = defaultdict(list)
    for index, annotation in enumerate(coco.annotations):
        problem = _find_problem(annotation, images, categories)
        if problem:
            raise PicturesError(f"{path}: annotations[{index}]: {problem}")
        if not annotation.iscrowd:
            by_image[annotation.image_id].append(annotation)
    return by_image


def _find_problem(annotation: _Annotation, images: set[_Id], categories: set[int]) -> str | None:
    if annotation.image_id not in images:
        return f"there is no image {annotation.image_id}"
    if annotation.category_id not in categories:
        return f"there is no category {annotation.category_id}"
    if min(annotation.bbox[2:]) < 0:
        return f"its box {list(annotation.bbox)} has a negative side"
    return None


def _class_names(coco: _Coco) -> dict[int, str]:
    """Return names by id, without headings: some exporters list the parent of all categories as one that is never used."""
    used = {annotation.category_id for annotation in coco.annotations}
    parents = {category.supercategory for category in coco.categories}
    return {c.id: c.name for c in coco.categories if c.id in used or c.name not in parents}


def _find_pictures_folder(path: Path, coco: _Coco) -> Path:
    """Return the folder to which file names are relative: that of the JSON, or the one that the COCO set itself uses."""
    parent, split = path.parent, path.stem.removeprefix("instances_")
    names = ("", "images", f"../{split}", f"../images/{split}", "../images", "..")
    for name in names:
        if (parent / name / coco.images[0].file_name).is_file():
            return parent / name
    return parent


def _build_entry(
    image: _Image, annotations: list[_Annotation], index_of: dict[int, int], folder: Path
) -> PictureEntry:
    width, height = image.width, image.height
    corners = [
        (x / width, y / height, (x + w) / width, (y + h) / height)
        for x, y, w, h in (annotation.bbox for annotation in annotations)
    ]
    classes = [index_of[annotation.category_id] for annotation in annotations]
    return build_entry(folder / image.file_name, corners, classes, size_px=(width, height))
