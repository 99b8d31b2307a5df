"""Pictures: what is asked of a camera's worker, what it answers, and what the supervisor's callers get."""

from typing import Annotated, Literal

from msgspec import Meta, Struct

from edged.types import Box

MAX_PICTURE_BYTES = 16 << 20
"""Size of the largest JPEG that a worker may send."""
MAX_CHUNK_BYTES = 60 << 10
"""Part of a JPEG in one packet."""

MAX_PENDING_PICTURES = 8
"""Requests for pictures to one worker that are not answered yet."""
PICTURE_TIMEOUT_S = 5.0
"""Time for an answer: a picture takes some hundredths of a second, but may wait for the model's next run."""

HideBy = Literal["blur", "pixelate", "black"]
FailureCode = Literal["no_frame", "frame_gone", "not_sharp", "busy", "refused", "failed"]
"""``no_frame``: none was inferred yet; ``frame_gone``: the frame is not kept any more; ``not_sharp``: the subject is less sharp than asked for;
``busy``: too many pictures are being made; ``refused``: the camera's plan allows none; ``failed``: it could not be made."""
RefusalCode = (
    Literal["policy", "no_camera", "offline", "no_worker", "timeout", "not_stored"] | FailureCode
)


class PicturePlan(Struct, frozen=True, kw_only=True):
    """The treatment of one camera's pictures; a camera without one keeps no frame.

    Attributes:
        kept_frames: number of frames with detections that are kept for pictures of them.
        min_width: width that the frames must have at least, pixels, if the camera's picture is so wide.
        hide: labels of objects that are made unrecognisable.
        hide_by: how.
    """

    kept_frames: int = 1
    min_width: int = 1280
    hide: tuple[str, ...] = ()
    hide_by: HideBy = "pixelate"


class PictureSubject(Struct, frozen=True, kw_only=True):
    """The object that a picture is of.

    Attributes:
        label: the name of its class.
        score: score of its detection in the frame.
        box: its box in the frame, normalised.
    """

    label: str
    score: float
    box: Box


class PictureRequest(Struct, frozen=True, kw_only=True, tag="picture"):
    """Supervisor to worker: make a picture. The answer is a `PictureFailure`, or the `JpegChunk`s of the JPEG.

    Attributes:
        number: number of the request.
        camera: index into the job's cameras.
        frame_seq: number of the frame; None for the newest.
        subject: the object that it is of; None for all objects.
        is_cropped: cut it down to the subject, with a margin.
        is_annotated: draw the box of the subject, or of all objects, with label and score.
        max_width: largest width, pixels.
        quality: quality of the JPEG, 1 to 100.
        min_scores: lowest score of a detection that is drawn, by class id; the last one is for all other classes.
        min_sharpness: a subject that is less sharp (`edged.pictures.sharpness`) makes no picture.
    """

    number: int
    camera: int
    frame_seq: int | None = None
    subject: PictureSubject | None = None
    is_cropped: bool = False
    is_annotated: bool = False
    max_width: int = 1280
    quality: int = 80
    min_scores: tuple[float, ...] = ()
    min_sharpness: float = 0.0


class PictureFailure(Struct, frozen=True, kw_only=True, tag="picture_failure"):
    """Worker to supervisor: a picture was not made.

    Attributes:
        number: number of the request.
        code: why.
        reason: why, in words.
    """

    number: int
    code: FailureCode
    reason: Annotated[str, Meta(max_length=2000)]


class JpegChunk(Struct, frozen=True, kw_only=True):
    """Worker to supervisor: a part of a JPEG; the parts come in order. It crosses in binary form (`edged.vision.picture_packets`).

    Attributes:
        number: number of the request.
        offset: position of the part in the JPEG, bytes.
        total_bytes: size of the JPEG.
        width: width of the picture, pixels.
        height: height of the picture, pixels.
        frame_seq: number of the frame.
        captured_ns: when the frame was captured.
        sharpness: sharpness of the subject; 0.0 without one.
        content: the bytes, at most `MAX_CHUNK_BYTES`.
    """

    number: int
    offset: int
    total_bytes: int
    width: int
    height: int
    frame_seq: int
    captured_ns: int
    sharpness: float
    content: bytes


class PictureOptions(Struct, frozen=True, kw_only=True):
    """How a picture is made; what is None is as in ``[images]``.

    Attributes:
        annotate: draw boxes and labels.
        max_width: largest width, pixels.
        quality: quality of the JPEG, 1 to 100.
    """

    annotate: bool | None = None
    max_width: Annotated[int, Meta(ge=64, le=8192)] | None = None
    quality: Annotated[int, Meta(ge=1, le=100)] | None = None


class Picture(Struct, frozen=True, kw_only=True):
    """A picture of a camera.

    Attributes:
        camera: name of the camera.
        jpeg: the JPEG.
        width: its width, pixels.
        height: its height, pixels.
        frame_seq: number of the frame.
        captured_ns: when the frame was captured, on the camera's time line.
        sharpness: sharpness of the subject; 0.0 without one.
    """

    camera: str
    jpeg: bytes
    width: int
    height: int
    frame_seq: int
    captured_ns: int
    sharpness: float = 0.0


class PictureRefusal(Struct, frozen=True, kw_only=True):
    """There is no picture.

    Attributes:
        camera: name of the camera.
        code: why.
        reason: why, in words, and what to do.
    """

    camera: str
    code: RefusalCode
    reason: str
