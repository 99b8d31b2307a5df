"""The XML file of the Pascal VOC format: the objects of one picture.

Its coordinates are pixels counted from 1, and the box reaches to the end of its last pixel: the first pixel of a picture alone is
``xmin = xmax = 1``.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from math import isfinite
from pathlib import Path
from xml.etree.ElementTree import Element, ParseError, fromstring

from edged.text import TextError, read_text
from edged_models.errors import PicturesError

_SIDES = ("xmin", "ymin", "xmax", "ymax")
_ROOT = "annotation"


@dataclass(frozen=True, slots=True)
class VocObject:
    """An object.

    Attributes:
        name: its class.
        box: [xmin, ymin, xmax, ymax] as written.
        is_difficult: whether the author considered it as too hard to recognise.
    """

    name: str
    box: tuple[float, float, float, float]
    is_difficult: bool


@dataclass(frozen=True, slots=True)
class VocAnnotation:
    """The contents of the file.

    Attributes:
        size_px: width and height of the picture; None if it does not say.
        objects: the objects.
        problems: the objects that cannot be read, each with the reason.
    """

    size_px: tuple[int, int] | None
    objects: tuple[VocObject, ...]
    problems: tuple[str, ...]


def read_annotation(path: Path) -> VocAnnotation:
    """Read the file.

    Raises:
        PicturesError: it cannot be read, or is not in this format.
    """
    root = _parse(path)
    objects: list[VocObject] = []
    problems: list[str] = []
    for number, element in enumerate(root.iterfind("object"), 1):
        try:
            objects.append(_parse_object(element))
        except ValueError as error:
            problems.append(f"{path}: object {number}: {error}")
    return VocAnnotation(_parse_size(root, path), tuple(objects), tuple(problems))


def is_annotation(path: Path) -> bool:
    """Return whether the file is XML in this format; one that is damaged is not."""
    try:
        _parse(path)
    except PicturesError:
        return False
    return True


def _parse(path: Path) -> Element:
    try:
        text = read_text(path)
    except (OSError, TextError) as error:
        raise PicturesError(f"cannot read the labels {path}: {error}") from error
    if "<!DOCTYPE" in text or "<!ENTITY" in text:
        # Entities can be expanded to a text of any length; the format has none.
        raise PicturesError(f"{path} declares a document type or entities: remove them")
    try:
        root = fromstring(text)  # noqa: S314 - without entities, in a text of limited length
    except (ParseError, ValueError) as error:
        raise PicturesError(f"{path} is not XML, or is damaged: {error}") from error
    if root.tag != _ROOT:
        raise PicturesError(f"{path} is not in the Pascal VOC format: it has no <{_ROOT}>")
    return root


def _parse_size(root: Element, path: Path) -> tuple[int, int] | None:
    try:
        width, height = (int(root.findtext(f"size/{side}") or 0) for side in ("width", "height"))
    except ValueError as error:
        raise PicturesError(f"{path}: the size is not in whole pixels: {error}") from error
    return (width, height) if width > 0 and height > 0 else None


def _parse_object(element: Element) -> VocObject:
    name = (element.findtext("name") or "").strip()
    if not name:
        raise ValueError("it has no name")
    box = tuple(_parse_sides(element))
    x1, y1, x2, y2 = box
    if x2 < x1 or y2 < y1:
        raise ValueError(f"its box {list(box)} has a negative side")
    is_difficult = (element.findtext("difficult") or "").strip().lower() in {"1", "true"}
    return VocObject(name, (x1, y1, x2, y2), is_difficult)


def _parse_sides(element: Element) -> Iterator[float]:
    for side in _SIDES:
        number = float(element.findtext(f"bndbox/{side}") or "nan")
        if not isfinite(number):
            raise ValueError(f"it has no {side}")
        yield number
