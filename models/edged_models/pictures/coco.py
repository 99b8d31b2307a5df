"""Pictures labelled in the COCO format: one JSON file with images, annotations and categories, as most labelling tools export it.

Areas with many objects (``iscrowd``) are kept apart from the objects. Segments and key points are ignored.
"""

from collections import Counter, defaultdict
from collections.abc import Iterator
from math import isfinite
from pathlib import Path

from edged_models.errors import PicturesError
from edged_models.picture_files import find_picture_files, is_file
from edged_models.pictures.coco_file import (
    CocoAnnotation,
    CocoFile,
    CocoId,
    CocoImage,
    is_coco,
    read_coco,
)
from edged_models.pictures.files import FilePictures
from edged_models.pictures.labelled_files import build_set
from edged_models.pictures.parts import find_part_folders
from edged_models.pictures.problems import PictureProblem, ProblemKind, describe_problem
from edged_models.pictures.unread_labels import find_unread_labels
from edged_models.pictures.written_boxes import WrittenBox, WrittenLabels

_BOX_NUMBERS = 4


def try_open(spec: str, labels: tuple[str, ...] | None) -> FilePictures | None:
    """Open a COCO file, or a folder that has one, directly or in ``annotations``; return None if there is none.

    Raises:
        PicturesError: the file is damaged or does not fit `labels`, or the folder has several.
    """
    path = _find_annotations(spec)
    if path is None:
        return None
    coco = read_coco(path)
    folder = _find_pictures_folder(path, coco)
    problems = [*_find_repeated_images(coco, path, folder), *_find_what_is_lost(coco, path)]
    boxes = _group_by_image(coco, path, folder, problems)
    labelled = [
        WrittenLabels(folder / one.file_name, boxes[one.id], (one.width, one.height))
        for one in coco.images
    ]
    problems += _find_picture_problems(labelled, path, folder)
    return build_set(str(path), labelled, _class_names(coco), labels, problems=problems)


def _find_annotations(spec: str) -> Path | None:
    path = Path(spec)
    if path.is_dir():
        return _find_in_folder(path)
    if path.suffix.lower() == ".json" and path.is_file():
        return path
    parts = find_part_folders(spec)
    return _find_in_folder(parts[0]) if parts else None


def _find_in_folder(folder: Path) -> Path | None:
    found = sorted([*folder.glob("*.json"), *folder.glob("annotations/*.json")])
    coco_files = [path for path in found if path.is_file() and is_coco(path)]
    if not coco_files:
        # Each part has its own folder and file there.
        found = sorted(folder.glob("*/_annotations.coco.json"))
        coco_files = [path for path in found if path.is_file()]
    if len(coco_files) > 1:
        names = ", ".join(str(path.relative_to(folder)) for path in coco_files)
        raise PicturesError(f"{folder} has several annotation files: name one of {names}")
    return coco_files[0] if coco_files else None


def _find_picture_problems(
    labelled: list[WrittenLabels], path: Path, folder: Path
) -> Iterator[PictureProblem]:
    counts = Counter(one.picture for one in labelled)
    for picture, count in counts.items():
        if not is_file(picture):
            message = f"{path} names a picture that does not exist: {picture}"
            yield describe_problem(ProblemKind.MISSING, message, picture)
        elif count > 1:
            message = f"{path} names {picture} {count} times: which labels it has is not known"
            yield describe_problem(ProblemKind.SHARED_LABELS, message, picture)
    yield from _find_unlisted(set(counts), path, folder)
    yield from find_unread_labels("COCO", counts, {path}, [path.parent])


def _find_unlisted(listed: set[Path], path: Path, folder: Path) -> Iterator[PictureProblem]:
    beside = {picture.parent for picture in listed}
    unlisted = [p for p in find_picture_files(folder) if p.parent in beside and p not in listed]
    if unlisted:
        shown = ", ".join(picture.name for picture in unlisted[:3])
        yield describe_problem(
            ProblemKind.UNLISTED,
            f"{path} does not name {len(unlisted)} pictures that lie beside its own ({shown}): they are not used",
        )


def _group_by_image(
    coco: CocoFile, path: Path, folder: Path, problems: list[PictureProblem]
) -> dict[CocoId, list[WrittenBox]]:
    """Return the boxes of each picture; what contradicts the rest of the file goes to `problems`."""
    by_image = defaultdict[CocoId, list[WrittenBox]](list)
    images = {image.id: image for image in coco.images}
    categories = {category.id for category in coco.categories}
    for index, one in enumerate(coco.annotations):
        place = f"{path}: annotations[{index}]"
        image = images.get(one.image_id)
        what = _find_problem(one, image, categories)
        if image is None or what:
            pictures = (folder / image.file_name,) if image else ()
            problems.append(describe_problem(ProblemKind.WRONG_LABEL, f"{place}{what}", *pictures))
        else:
            by_image[one.image_id].append(_write_box(one, image, f"{place} ({image.file_name})"))
    return by_image


def _find_repeated_images(coco: CocoFile, path: Path, folder: Path) -> Iterator[PictureProblem]:
    by_id = defaultdict[CocoId, list[CocoImage]](list)
    for image in coco.images:
        by_id[image.id].append(image)
    for image_id, images in by_id.items():
        if len(images) > 1:
            names = " and ".join(image.file_name for image in images)
            yield describe_problem(
                ProblemKind.SHARED_LABELS,
                f"{path}: two images have the same id, {image_id}: {names}",
                *(folder / image.file_name for image in images),
            )


def _find_what_is_lost(coco: CocoFile, path: Path) -> Iterator[PictureProblem]:
    ids = [one.id for one in coco.annotations if one.id is not None]
    distinct = len(set(ids))
    if distinct < len(ids):
        yield describe_problem(
            ProblemKind.DUPLICATE_ID,
            f"{path} has {len(ids)} annotations with {distinct} ids: all are used here, "
            "but pycocotools and what builds on it match only one of those that share an id",
        )
    if any(bytes(one.keypoints) not in {b"", b"[]", b"null"} for one in coco.annotations):
        yield describe_problem(ProblemKind.KEY_POINTS, f"{path}: its key points are not used")
    if 0 in ids:
        yield describe_problem(
            ProblemKind.ZERO_ID,
            f"{path} has an annotation with the id 0: it is used here, but pycocotools takes it for one that no detection finds",
        )


def _find_problem(one: CocoAnnotation, image: CocoImage | None, categories: set[int]) -> str | None:
    if image is None:
        return f": there is no image {one.image_id}"
    if one.category_id not in categories:
        return f": there is no category {one.category_id}"
    if len(one.bbox) != _BOX_NUMBERS or not all(isfinite(number) for number in one.bbox):
        return f".bbox: {one.bbox} is not left, top, width and height"
    if min(one.bbox[2:]) < 0:
        return f": its box {one.bbox} has a negative side"
    return None


def _write_box(one: CocoAnnotation, image: CocoImage, place: str) -> WrittenBox:
    (x, y, w, h), width, height = one.bbox, image.width, image.height
    corners = (x / width, y / height, (x + w) / width, (y + h) / height)
    return WrittenBox(one.category_id, corners, place, is_group=bool(one.iscrowd))


def _class_names(coco: CocoFile) -> dict[int, str]:
    """Return names by id, without headings: some exporters list the parent of all categories as one that is never used."""
    used = {annotation.category_id for annotation in coco.annotations}
    parents = {category.supercategory for category in coco.categories}
    return {c.id: c.name for c in coco.categories if c.id in used or c.name not in parents}


def _find_pictures_folder(path: Path, coco: CocoFile) -> Path:
    """Return the folder to which file names are relative: that of the JSON, or the one that the COCO set itself uses."""
    parent, split = path.parent, path.stem.removeprefix("instances_")
    names = ("", "images", f"../{split}", f"../images/{split}", "../images", "..")
    first = coco.images[0].file_name
    return next((parent / name for name in names if is_file(parent / name / first)), parent)
