"""A picture made of a kept frame: converted, hidden, drawn into, and encoded as JPEG."""

import math
from typing import NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from edged.errors import PictureError
from edged.model.picture import Crop, FrameConverter
from edged.pictures.annotation import draw_box
from edged.pictures.hiding import PixelArea, hide_area
from edged.pictures.sharpness import measure_sharpness
from edged.types import Box, Channels, Frame
from edged.vision.picture_messages import (
    MAX_PICTURE_BYTES,
    Picture,
    PictureFailure,
    PictureRequest,
    PictureSubject,
)
from edged.vision.worker.kept_frames import KeptFrame

HIDE_MIN_SCORE = 0.1
"""Objects that are to be hidden are taken from this score on: a box too many hides some background, one too few shows somebody."""
_HIDE_MARGIN = 0.1
"""Of the box's sides, on each side: boxes lie close around objects, and off by some percent."""
_CROP_MARGIN = 0.15
_MIN_CROP_SIDE_PX = 2


class _View(NamedTuple):
    """The part of a frame that a picture shows.

    Attributes:
        crop: the part, in pixels of `Frame.pixels`.
        box: the same, normalised to the frame.
        width: width of the picture, pixels.
        height: height of the picture, pixels.
    """

    crop: Crop
    box: Box
    width: int
    height: int

    def locate(self, box: Box, margin: float = 0.0) -> PixelArea:
        """Return where a box of the frame lies in the picture, rounded outwards, with a margin in fractions of its sides."""
        x1, y1, x2, y2 = box
        left, top, right, bottom = self.box
        grow_x, grow_y = margin * (x2 - x1), margin * (y2 - y1)
        scale_x, scale_y = self.width / (right - left), self.height / (bottom - top)
        return (
            math.floor((x1 - grow_x - left) * scale_x),
            math.floor((y1 - grow_y - top) * scale_y),
            math.ceil((x2 + grow_x - left) * scale_x),
            math.ceil((y2 + grow_y - top) * scale_y),
        )


class PictureRenderer:
    """Makes pictures; one thread uses it."""

    def __init__(self) -> None:
        """Prepare the conversion."""
        self._converter = FrameConverter(Channels.BGR)

    def render(self, kept: KeptFrame, request: PictureRequest) -> Picture | PictureFailure:
        """Make the picture that a request asks for; none if its subject is less sharp than asked for.

        Raises:
            PictureError: the picture cannot be encoded, or its JPEG is too large.
            ValueError: the frame's pixels do not have the layout that its format requires.
        """
        frame, subject = kept.frame, request.subject
        sharpness = 0.0 if subject is None else self._measure_sharpness(frame, subject.box)
        if sharpness < request.min_sharpness:
            reason = f"the sharpness is {sharpness:.0f}, below {request.min_sharpness:.0f}"
            return PictureFailure(number=request.number, code="not_sharp", reason=reason)
        cropped_to = subject.box if subject is not None and request.is_cropped else None
        view = choose_view(frame, cropped_to, request.max_width)
        pixels = self._convert(frame, view)
        for box in _list_hidden(kept, subject):
            hide_area(pixels, view.locate(box, _HIDE_MARGIN), kept.plan.hide_by)
        if request.is_annotated:
            for one in _list_subjects(kept, request):
                draw_box(pixels, view.locate(one.box), f"{one.label} {one.score:.2f}")
        return Picture(
            camera=frame.camera,
            jpeg=_encode_jpeg(pixels, request.quality),
            width=view.width,
            height=view.height,
            frame_seq=frame.seq,
            captured_ns=frame.captured_ns,
            sharpness=sharpness,
        )

    def _measure_sharpness(self, frame: Frame, box: Box) -> float:
        view = choose_view(frame, box, frame.stored_width, margin=0.0)
        return measure_sharpness(self._convert(frame, view))

    def _convert(self, frame: Frame, view: _View) -> NDArray[np.uint8]:
        pixels = np.empty((view.height, view.width, 3), np.uint8)
        whole = (0, 0, frame.stored_width, frame.stored_height)
        self._converter.convert(frame, pixels, None if view.crop == whole else view.crop)
        return pixels


def choose_view(
    frame: Frame, box: Box | None, max_width: int, margin: float = _CROP_MARGIN
) -> _View:
    """Return the part of a frame that a picture shows, and the picture's size.

    Args:
        frame: the frame.
        box: what the picture shows, normalised to the frame; None for all of it.
        max_width: largest width of the picture, pixels; a smaller part is not enlarged.
        margin: added to the box, in fractions of its longer side in pixels.
    """
    width, height = frame.stored_width, frame.stored_height
    crop = Crop(0, 0, width, height)
    if box is not None:
        x1, y1, x2, y2 = box[0] * width, box[1] * height, box[2] * width, box[3] * height
        grow_px = margin * max(x2 - x1, y2 - y1)
        left, right = _choose_range(x1 - grow_px, x2 + grow_px, width)
        top, bottom = _choose_range(y1 - grow_px, y2 + grow_px, height)
        crop = Crop(left, top, right - left, bottom - top)
    scale = min(1.0, max_width / crop.width)
    return _View(
        crop=crop,
        box=(
            crop.x / width,
            crop.y / height,
            (crop.x + crop.width) / width,
            (crop.y + crop.height) / height,
        ),
        width=max(1, round(crop.width * scale)),
        height=max(1, round(crop.height * scale)),
    )


def _choose_range(start: float, end: float, side_px: int) -> tuple[int, int]:
    """Return the even pixels that cover a range within a side; at least two."""
    even_side = side_px // 2 * 2
    first = min(max(0, math.floor(start) // 2 * 2), even_side - _MIN_CROP_SIDE_PX)
    last = min(-(-math.ceil(end) // 2) * 2, even_side)
    return first, max(last, first + _MIN_CROP_SIDE_PX)


def _list_hidden(kept: KeptFrame, subject: PictureSubject | None) -> tuple[Box, ...]:
    if subject is not None and subject.label in kept.plan.hide:
        return (*kept.hidden_boxes, subject.box)
    return kept.hidden_boxes


def _list_subjects(kept: KeptFrame, request: PictureRequest) -> list[PictureSubject]:
    """Return the objects that are drawn: the subject, or all that have the score for it."""
    if request.subject is not None:
        return [request.subject]
    min_scores = request.min_scores or (0.0,)
    detections = kept.detections
    return [
        PictureSubject(label=kept.class_names[class_id], score=score, box=tuple(box))
        for box, score, class_id in zip(
            detections.boxes.tolist(),
            detections.scores.tolist(),
            detections.class_ids.tolist(),
            strict=True,
        )
        if score >= min_scores[min(class_id, len(min_scores) - 1)]
    ]


def _encode_jpeg(pixels: NDArray[np.uint8], quality: int) -> bytes:
    is_encoded, encoded = cv2.imencode(".jpg", pixels, [cv2.IMWRITE_JPEG_QUALITY, quality])
    if not is_encoded:
        raise PictureError(f"OpenCV cannot encode {pixels.shape[1]} x {pixels.shape[0]} pixels")
    jpeg: bytes = encoded.tobytes()
    if len(jpeg) > MAX_PICTURE_BYTES:
        raise PictureError(
            f"the JPEG has {len(jpeg)} bytes; {MAX_PICTURE_BYTES} are allowed: set a smaller images.max_width or images.quality"
        )
    return jpeg
