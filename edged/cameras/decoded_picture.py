"""Pictures that PyAV decodes: within the size limit, upright, and with their colour space.

PyAV's own conversions are not used without stating both colour space and range: what they assume differs between PyAV 16 and 17
(findings/pyav-colour-range.sh).
"""

import struct
from io import BytesIO
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np
from numpy.typing import NDArray

from edged.errors import PictureError
from edged.pictures.decode import describe_size_problem
from edged.pictures.header import MAX_PICTURE_PX, read_header
from edged.types import LIMITED_BT601, ColourMatrix, ColourSpace, PixelFormat

if TYPE_CHECKING:
    import av
    from av.video.reformatter import VideoReformatter

Pixels = NDArray[np.uint8]

DECODER_OPTIONS = {"max_pixels": str(MAX_PICTURE_PX)}
"""For `av.open`, which probes with it, and for the codec context."""

_LIMITED_RANGE, _FULL_RANGE = 1, 2
"""AVCOL_RANGE_MPEG and AVCOL_RANGE_JPEG of FFmpeg's pixfmt.h."""
_MATRICES = {
    1: ColourMatrix.BT709,
    4: ColourMatrix.FCC,
    7: ColourMatrix.SMPTE240M,
    9: ColourMatrix.BT2020,
    10: ColourMatrix.BT2020,
}
"""AVColorSpace of FFmpeg's pixfmt.h; every other number, unspecified included, is BT.601 to FFmpeg's own conversion."""
_BT709, _BT601 = 1, 5
"""AVCOL_SPC_BT709; AVCOL_SPC_BT470BG, which is BT.601."""
_MATRIX = struct.Struct("=9i")
_YUV_PLANES = 3


def decode_packet(packet: "av.Packet[av.VideoStream]") -> "list[av.VideoFrame]":
    """Decode a packet of a stream whose codec context has the `DECODER_OPTIONS`; without a picture if its data are damaged.

    Raises:
        PictureError: a picture has more pixels than `MAX_PICTURE_PX`; the message is a clause about "it".
        av.FFmpegError: it cannot be decoded for another reason.
    """
    import av

    try:
        return packet.decode()
    except av.FFmpegError as error:
        if problem := _find_size_problem(packet):
            raise PictureError(problem) from None
        if isinstance(error, av.error.InvalidDataError):
            return []  # a lost packet makes the next one undecodable
        raise


def read_colour(picture: "av.VideoFrame") -> ColourSpace:
    """Return what the planes of a picture mean, by its tags; where there are none, what FFmpeg assumes: limited BT.601."""
    full = int(picture.color_range) == _FULL_RANGE or picture.format.name.startswith("yuvj")
    matrix = _MATRICES.get(int(picture.colorspace), ColourMatrix.BT601)
    return ColourSpace(matrix, is_full_range=full)


def read_pixels(picture: "av.VideoFrame") -> tuple[Pixels, PixelFormat, ColourSpace]:
    """Copy a picture's pixels, turned upright by its display matrix.

    Returns:
        The pixels without padding, their layout and their colour space: (H*3/2, W) uint8 of YUV420P, or (H, W, 3) uint8 of BGR24 where a
        side is odd or the planes are not Y, U and V.
    """
    even = picture.width % 2 == 0 and picture.height % 2 == 0
    if not even or not _has_planes(picture):
        return read_bgr(picture), PixelFormat.BGR24, LIMITED_BT601
    turn = _read_turn(picture)
    luma, *chroma = (_turn(plane, turn) for plane in _read_planes(picture))
    height, width = luma.shape
    pixels = np.empty((height * 3 // 2, width), np.uint8)
    pixels[:height] = luma
    halves = pixels[height:].reshape(2, height // 2, width // 2)
    for plane, half in zip(chroma, halves, strict=True):
        if plane.shape == half.shape:
            half[:] = plane
        else:
            cv2.resize(plane, half.shape[::-1], dst=half, interpolation=cv2.INTER_LINEAR)
    return pixels, PixelFormat.YUV420P, read_colour(picture)


def read_bgr(picture: "av.VideoFrame", scaler: "VideoReformatter | None" = None) -> Pixels:
    """Convert a picture to BGR by its tags, turned upright by its display matrix.

    Args:
        picture: of any format.
        scaler: kept from one picture to the next, which saves half of the time; None: a new one.

    Returns:
        (H, W, 3) uint8.
    """
    from av.video.reformatter import VideoReformatter

    colorspace = int(picture.colorspace) if int(picture.colorspace) in _MATRICES else _BT601
    bgr = (scaler or VideoReformatter()).reformat(
        picture,
        format="bgr24",
        src_colorspace=colorspace,
        # BGR has none, but up to PyAV 16 what is stated of the source counts only if this one or the range differs.
        dst_colorspace=_BT709 if colorspace == _BT601 else _BT601,
        src_color_range=_FULL_RANGE if read_colour(picture).is_full_range else _LIMITED_RANGE,
        dst_color_range=_FULL_RANGE,
    )
    pixels = bgr.to_ndarray().astype(np.uint8, copy=False)
    return np.ascontiguousarray(_turn(pixels, _read_turn(picture)))


def _find_size_problem(packet: "av.Packet[av.VideoStream]") -> str | None:
    context = packet.stream.codec_context
    header = read_header(BytesIO(bytes(packet)))  # of a JPEG, whose size FFmpeg does not tell
    width, height = (header.width, header.height) if header else (context.width, context.height)
    return describe_size_problem(width, height)


def _has_planes(picture: "av.VideoFrame") -> bool:
    """Return whether each of Y, U and V has a plane of its own."""
    kind = picture.format
    count = len(kind.components)
    return not kind.is_rgb and count >= _YUV_PLANES and count == len(picture.planes)


def _read_planes(picture: "av.VideoFrame") -> list[Pixels]:
    """Return the planes of Y, U and V in 8 bits, as views where they have 8 bits."""
    kind = picture.format
    bits = kind.components[0].bits
    width = np.dtype("u1" if bits == 8 else ">u2" if kind.is_big_endian else "<u2")  # noqa: PLR2004 - bits of a byte
    planes = []
    for plane in picture.planes[:_YUV_PLANES]:
        buffer = np.frombuffer(plane, width)  # type: ignore[call-overload] # PyAV's stubs do not say that it is a buffer
        rows = buffer.reshape(plane.height, -1)[:, : plane.width]
        if bits > 8:  # noqa: PLR2004 - bits of a byte
            rows = cv2.convertScaleAbs(rows.astype(np.uint16, copy=False), alpha=0.5 ** (bits - 8))
        planes.append(rows.astype(np.uint8, copy=False))
    return planes


def _read_turn(picture: "av.VideoFrame") -> tuple[bool, bool, bool]:
    """Return how to turn a picture upright: swap the axes, then mirror left to right, then top to bottom."""
    try:
        entry: Any = picture.side_data.get("DISPLAYMATRIX")
    except ValueError:  # PyAV 18 knows not every kind of FFmpeg 8 (findings/pyav-side-data.sh)
        return _describe_rotation(round(picture.rotation))
    if entry is None:
        return False, False, False
    # Display matrix, libavutil/display.h: x' = a x + c y, y' = b x + d y, for pixels that count from the top left.
    a, b, _, c, d, *_rest = _MATRIX.unpack(bytes(entry))
    swapped = abs(b) + abs(c) > abs(a) + abs(d)
    return (True, c < 0, b < 0) if swapped else (False, a < 0, d < 0)


def _describe_rotation(degrees: int) -> tuple[bool, bool, bool]:
    """Return the same for PyAV's rotation, which counts against the clock."""
    quarters = -degrees // 90 % 4
    return quarters % 2 == 1, quarters in (1, 2), quarters in (2, 3)


def _turn(plane: Pixels, turn: tuple[bool, bool, bool]) -> Pixels:
    swapped, mirrored, flipped = turn
    if swapped:
        plane = plane.swapaxes(0, 1)
    return plane[:: -1 if flipped else 1, :: -1 if mirrored else 1]
