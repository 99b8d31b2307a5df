"""A page of pictures with what is in them and what a model made of them, worst first: one file, without scripts and network."""

import base64
from collections.abc import Iterable, Iterator, Sequence
from html import escape

import cv2
import numpy as np
from numpy.typing import NDArray

from edged_models.errors import ToolError
from edged_models.evaluation.comparison import AnyResult
from edged_models.evaluation.evaluate import EvaluationResult
from edged_models.evaluation.evaluate_classifier import ClassifierResult
from edged_models.evaluation.gallery_style import STYLE
from edged_models.evaluation.picture_faults import (
    BoxMark,
    MarkedBox,
    PictureFaults,
    rank_classifier_faults,
    rank_detector_faults,
)
from edged_models.pictures.labelled import PictureSet

_MAX_SIDE_PX = 480
_MIN_SHOWN_PX = 320
"""A smaller picture is shown enlarged, so that its boxes' labels do not cover it."""
_JPEG_QUALITY = 82
_POLICY = "default-src 'none'; img-src data:; style-src 'unsafe-inline'"
_DETECTOR_RULE = "Worst first: each missed object costs 1, each false detection its score, both at IoU 0.5 and a score from {min_score:g}."
_CLASSIFIER_RULE = "Wrong ones first, the surest first; then right ones, the least sure first."
_CAPTIONS = {
    BoxMark.FOUND: "object, found",
    BoxMark.MISSED: "object, missed",
    BoxMark.RIGHT: "detection, right",
    BoxMark.FALSE: "detection, false",
    BoxMark.CROWD: "crowd, not judged",
}


def render_gallery(
    result: AnyResult, pictures: PictureSet, *, limit: int, labels: Sequence[str]
) -> str:
    """Return the page as HTML.

    Args:
        result: of one model on the pictures.
        pictures: the same set.
        limit: number of pictures on the page.
        labels: the model's class names by class id, for classes that the pictures lack.

    Raises:
        PicturesError: a picture cannot be read.
        ToolError: a picture cannot be encoded.
    """
    if isinstance(result, EvaluationResult):
        ranked = rank_detector_faults(result.results, min_score=result.evaluation.min_score)
        rule = _DETECTOR_RULE.format(min_score=result.evaluation.min_score)
        wrong = sum(one.cost > 0 for one in ranked)
        figures = [_detector_figure(result, pictures, one) for one in ranked[:limit]]
        legend = _render_legend()
    else:
        indices = rank_classifier_faults(result.answers)
        rule, legend = _CLASSIFIER_RULE, ""
        wrong = sum(not result.answers[i].is_right for i in indices)
        figures = [_classifier_figure(result, pictures, i, labels) for i in indices[:limit]]
    evaluation = result.evaluation
    head = f"{evaluation.model} on {evaluation.pictures_name}"
    counts = (
        f"{wrong} of {evaluation.pictures} pictures have a fault; {len(figures)} are shown. {rule}"
    )
    return "\n".join(
        _page(head, [f"<p>{escape(counts)}</p>", legend, "<main>", *figures, "</main>"])
    )


def _page(title: str, body: Iterable[str]) -> Iterator[str]:
    yield "<!DOCTYPE html>"
    yield '<html lang="en"><head><meta charset="utf-8">'
    yield f'<meta http-equiv="Content-Security-Policy" content="{_POLICY}">'
    yield '<meta name="viewport" content="width=device-width, initial-scale=1">'
    yield f"<title>{escape(title)}</title><style>{STYLE}</style></head><body>"
    yield f"<h1>{escape(title)}</h1>"
    yield from body
    yield "</body></html>\n"


def _render_legend() -> str:
    items = "".join(f'<li class="{mark}">{text}</li>' for mark, text in _CAPTIONS.items())
    return f"<ul>{items}</ul>"


def _detector_figure(result: EvaluationResult, pictures: PictureSet, faults: PictureFaults) -> str:
    picture = pictures[faults.index]
    boxes = [(one, result.mapping.labels[one.label_id]) for one in faults.boxes]
    marks = [one.mark for one in faults.boxes]
    caption = f"{marks.count(BoxMark.MISSED)} missed, {marks.count(BoxMark.FALSE)} false, cost {faults.cost:.2f}"
    return _figure(picture.image, picture.name, caption, boxes, is_wrong=faults.cost > 0)


def _classifier_figure(
    result: ClassifierResult, pictures: PictureSet, index: int, labels: Sequence[str]
) -> str:
    picture, answer = pictures[index], result.answers[index]
    best = ", ".join(
        f"{labels[class_id]} {score:.2f}"
        for class_id, score in zip(answer.ranked_ids.tolist(), answer.scores.tolist(), strict=True)
    )
    true = f"{result.mapping.labels[answer.true_id]} {answer.true_score:.2f}"
    return _figure(
        picture.image, picture.name, f"is {true}; best: {best}", [], is_wrong=not answer.is_right
    )


def _figure(
    image: NDArray[np.uint8],
    name: str,
    caption: str,
    boxes: Sequence[tuple[MarkedBox, str]],
    *,
    is_wrong: bool,
) -> str:
    """Return a picture with boxes drawn over it as SVG.

    Args:
        image: (H, W, 3) uint8, RGB.
        name: the picture's origin.
        caption: what is right and wrong.
        boxes: with their labels.
        is_wrong: whether the picture has a fault.
    """
    small = _shrink(image)
    enlargement = max(1.0, _MIN_SHOWN_PX / max(small.shape[:2]))
    height, width = (round(side * enlargement) for side in small.shape[:2])
    shapes = "".join(_box(one, label, width, height) for one, label in boxes)
    return (
        f'<figure class="{"wrong" if is_wrong else "correct"}"><svg viewBox="0 0 {width} {height}" width="{width}">'
        f'<image href="{_encode(small)}" width="{width}" height="{height}"/>{shapes}</svg>'
        f"<figcaption><b>{escape(name)}</b> {escape(caption)}</figcaption></figure>"
    )


def _box(one: MarkedBox, label: str, width: int, height: int) -> str:
    x1, y1, x2, y2 = (
        side * length for side, length in zip(one.box, (width, height) * 2, strict=True)
    )
    text = label if one.score is None else f"{label} {one.score:.2f}"
    # The label grows towards the middle of the picture, so that it is not cut off.
    at, anchor = (x1, "start") if x1 < width / 2 else (x2, "end")
    # True boxes have their label below, detections above.
    place = min(y2 + 11, height - 2) if one.score is None else max(y1 - 3, 10)
    return (
        f'<g class="{one.mark}"><title>{escape(f"{_CAPTIONS[one.mark]}: {text}")}</title>'
        f'<rect x="{x1:.1f}" y="{y1:.1f}" width="{x2 - x1:.1f}" height="{y2 - y1:.1f}"/>'
        f'<text x="{at:.1f}" y="{place:.1f}" text-anchor="{anchor}">{escape(text)}</text></g>'
    )


def _shrink(image: NDArray[np.uint8]) -> NDArray[np.uint8]:
    height, width = image.shape[:2]
    scale = _MAX_SIDE_PX / max(height, width)
    if scale >= 1:
        return image
    size = (max(1, round(width * scale)), max(1, round(height * scale)))
    return np.asarray(cv2.resize(image, size, interpolation=cv2.INTER_AREA), np.uint8)


def _encode(image: NDArray[np.uint8]) -> str:
    bgr = cv2.cvtColor(image, cv2.COLOR_RGB2BGR)
    is_encoded, jpeg = cv2.imencode(".jpg", bgr, [cv2.IMWRITE_JPEG_QUALITY, _JPEG_QUALITY])
    if not is_encoded:
        raise ToolError("a picture cannot be encoded as JPEG")
    return f"data:image/jpeg;base64,{base64.b64encode(jpeg.tobytes()).decode()}"
