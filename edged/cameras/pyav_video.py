"""Video files through PyAV, which says how their colours are tagged."""

from collections.abc import Generator
from itertools import islice
from pathlib import Path

import av
from av.container import InputContainer
from av.video.reformatter import VideoReformatter

from edged.cameras.decoded_picture import DECODER_OPTIONS, decode_packet, read_bgr
from edged.cameras.video import TimedPicture, Video, make_open_error
from edged.errors import CameraError, PictureError


def open_video(path: Path, first: int) -> Video:
    """Open a video file.

    Args:
        path: the file.
        first: number of the first picture to read, from 0.

    Raises:
        CameraError: it cannot be opened.
    """
    try:
        container = av.open(str(path), options=dict(DECODER_OPTIONS))
    except av.FFmpegError:
        raise make_open_error(path) from None
    if not container.streams.video:
        container.close()
        raise make_open_error(path)
    stream = container.streams.video[0]
    stream.thread_type = "AUTO"
    stream.codec_context.options = dict(DECODER_OPTIONS)
    fps = float(stream.guessed_rate or stream.average_rate or 0)
    duration_s = (container.duration or 0) / av.time_base
    return Video(
        fps=fps,
        declared_count=stream.frames or max(0, int(duration_s * fps + 0.5)),
        pictures=_read_pictures(path, container, stream, first),
    )


def _read_pictures(
    path: Path, container: InputContainer, stream: av.VideoStream, first: int
) -> Generator[TimedPicture]:
    scaler = VideoReformatter()
    with container:
        try:
            pictures = (one for packet in container.demux(stream) for one in decode_packet(packet))
            for picture in islice(pictures, first, None):
                yield picture.time or 0.0, read_bgr(picture, scaler)
        except PictureError as error:
            raise CameraError(
                f"{path}: cannot decode a picture: {error}; make the video smaller"
            ) from error
        except av.FFmpegError:  # a damaged file ends here, as one that breaks off
            return
