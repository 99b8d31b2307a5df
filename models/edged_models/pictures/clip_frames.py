"""The frames of a video file by their number, with the colours and turned as the device's camera `replay` shows them."""

from collections.abc import Generator, Iterator, Sequence
from contextlib import contextmanager
from functools import cached_property
from pathlib import Path

import av
import cv2
import numpy as np
from av.container import InputContainer
from numpy.typing import NDArray

from edged.cameras.decoded_picture import DECODER_OPTIONS, decode_packet, read_bgr
from edged.errors import PictureError
from edged_models.errors import PicturesError

Image = NDArray[np.uint8]


class ClipFrames:
    """The frames of one video file; every use opens the file anew."""

    def __init__(self, path: Path) -> None:
        self._path = path

    @property
    def count(self) -> int:
        """The number of frames, by the file's index or else by its packets."""
        with _open(self._path) as (_, stream):
            return stream.frames or len(self._stamps)

    def iterate(self, numbers: Sequence[int]) -> Generator[Image]:
        """Yield the frames with these ascending numbers, (H, W, 3) uint8, RGB, decoding the file once.

        Raises:
            PicturesError: the file cannot be read, or ends too early.
        """
        wanted = iter(numbers)
        number = next(wanted, None)
        with _open(self._path) as (container, stream):
            pictures = self._decode(container, stream)
            for index, picture in enumerate(pictures):
                if number is None:
                    return
                if index == number:
                    yield _to_rgb(picture)
                    number = next(wanted, None)
        if number is not None:
            raise self._ended_error(number)

    def read(self, number: int) -> Image:
        """Decode one frame, from the key frame before it on.

        Returns:
            (H, W, 3) uint8, RGB.

        Raises:
            PicturesError: the file cannot be read, or ends before that frame.
        """
        stamp = self._stamps[number] if number < len(self._stamps) else None
        if stamp is not None:
            with _open(self._path) as (container, stream):
                container.seek(stamp, stream=stream)
                for picture in self._decode(container, stream):
                    if picture.pts == stamp:
                        return _to_rgb(picture)
                    if picture.pts is None or picture.pts > stamp:
                        break
        return next(self.iterate([number]))  # a file whose time stamps are of no use

    @cached_property
    def _stamps(self) -> list[int]:
        with _open(self._path) as (container, stream):
            packets = (one for one in container.demux(stream) if one.size)
            stamps = [one.pts for one in packets]
        known = sorted(stamp for stamp in stamps if stamp is not None)
        return known if len(set(known)) == len(stamps) else []

    def _decode(self, container: InputContainer, stream: av.VideoStream) -> Iterator[av.VideoFrame]:
        try:
            for packet in container.demux(stream):
                yield from decode_packet(packet)
        except PictureError as error:
            raise PicturesError(f"{self._path} cannot be decoded: {error}") from error
        except av.FFmpegError:  # a damaged file ends here
            return

    def _ended_error(self, number: int) -> PicturesError:
        return PicturesError(f"{self._path} ends before frame {number}, or is damaged there")


@contextmanager
def _open(path: Path) -> Iterator[tuple[InputContainer, av.VideoStream]]:
    try:
        container = av.open(str(path), options=dict(DECODER_OPTIONS))
    except av.FFmpegError as error:
        raise PicturesError(f"{path} is not a video that FFmpeg can read") from error
    with container:
        if not container.streams.video:
            raise PicturesError(f"{path} is not a video: it has no pictures")
        stream = container.streams.video[0]
        stream.thread_type = "AUTO"
        stream.codec_context.options = dict(DECODER_OPTIONS)
        yield container, stream


def _to_rgb(picture: av.VideoFrame) -> Image:
    return np.asarray(cv2.cvtColor(read_bgr(picture), cv2.COLOR_BGR2RGB), np.uint8)
