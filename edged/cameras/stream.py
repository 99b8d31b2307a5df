"""A video stream from the network, read by FFmpeg through PyAV.

PyAV and not OpenCV: its timeouts are per source, it raises cleanly, and does not fall behind the camera (docs/cameras.md).
"""

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

import numpy as np

from edged.cameras.threaded import CapturedFrame
from edged.clock import NS_PER_S, Clock, Deadline
from edged.errors import CameraError
from edged.interfaces import CameraInfo
from edged.types import PixelFormat

if TYPE_CHECKING:
    import av
    from av.container import InputContainer

_PROBE_US = "500000"
"""FFmpeg looks at the stream so long, not its usual 5 s; the first pictures wait in a buffer meanwhile, and are read at once."""


class StreamSource:
    """One connection: see `edged.cameras.threaded.FrameSource`."""

    def __init__(
        self,
        url: str,
        *,
        display_url: str,
        options: Mapping[str, str],
        open_timeout_s: float,
        read_timeout_s: float,
        clock: Clock,
    ) -> None:
        """Connect to nothing yet.

        Args:
            url: may hold a password.
            display_url: in messages.
            options: FFmpeg's, for the demuxer and the protocol.
            open_timeout_s: the first picture must be there by then.
            read_timeout_s: so long nothing may come before the stream is lost.
            clock: for the shots' times.
        """
        self._url = url
        self._display_url = display_url
        self._options = {"analyzeduration": _PROBE_US, **options}
        self._open_timeout_s = open_timeout_s
        self._read_timeout_s = read_timeout_s
        self._clock = clock
        self._container: InputContainer | None = None
        self._frames: Iterator[CapturedFrame | None] = iter(())
        self._first_frame: CapturedFrame | None = None

    def open(self) -> CameraInfo:
        """See `edged.cameras.threaded.FrameSource`."""
        deadline = Deadline(self._clock, self._open_timeout_s)
        try:
            import av
        except ImportError as error:
            raise CameraError(
                f"{self._display_url}: PyAV is not installed; install edged with its `rtsp` extra"
            ) from error
        try:
            # The first timeout holds twice: for the connection, and for looking at the stream.
            self._container = av.open(
                self._url,
                options=self._options,
                timeout=(self._open_timeout_s / 2, self._read_timeout_s),
            )
            if not self._container.streams.video:
                raise CameraError(f"{self._display_url}: it sends no video")
            stream = self._container.streams.video[0]
            # Frame threads would hold back as many frames as there are cores.
            stream.thread_type = "SLICE"
            self._frames = self._decode(self._container, stream)
            self._first_frame = self._wait_first_frame(deadline)
        except av.FFmpegError as error:
            raise self._translate_error(error, self._open_timeout_s / 2) from None
        return CameraInfo(
            width=self._first_frame.width,
            height=self._first_frame.height,
            fps=float(stream.average_rate or stream.guessed_rate or 0),
            description=f"{stream.codec_context.name} from {self._display_url}",
        )

    def read(self) -> CapturedFrame | None:
        """See `edged.cameras.threaded.FrameSource`."""
        import av

        if self._first_frame is not None:
            shot, self._first_frame = self._first_frame, None
            return shot
        try:
            return next(self._frames)
        except StopIteration:
            raise CameraError(f"{self._display_url}: the camera ended the stream") from None
        except av.FFmpegError as error:
            raise self._translate_error(error, self._read_timeout_s) from None

    def close(self) -> None:
        """See `edged.cameras.threaded.FrameSource`."""
        if self._container is not None:
            self._container.close()

    def _wait_first_frame(self, deadline: Deadline) -> CapturedFrame:
        for shot in self._frames:
            if shot is not None:
                return shot
            if deadline.expired:
                raise CameraError(
                    f"{self._display_url}: no picture within {self._open_timeout_s:g} s;"
                    " give the camera a shorter key frame interval, or raise `open_timeout_s`"
                )
        raise CameraError(f"{self._display_url}: it ended before the first picture")

    def _decode(
        self, container: "InputContainer", stream: "av.VideoStream"
    ) -> "Iterator[CapturedFrame | None]":
        """The pictures of each packet, and None for one that makes no picture."""
        import av

        heard_ns = self._clock.monotonic_ns()
        for packet in container.demux(stream):
            arrived_ns = self._clock.monotonic_ns()
            # When nothing came in time FFmpeg first gives out what its parser held back, and waits once more.
            if arrived_ns - heard_ns > self._read_timeout_s * NS_PER_S:
                raise CameraError(self._describe_timeout(self._read_timeout_s))
            heard_ns = arrived_ns
            try:
                pictures = packet.decode()
            except av.error.InvalidDataError:  # a packet that was lost on its way spoils the next
                pictures = []
            for picture in pictures:
                yield self._make_frame(picture, arrived_ns)
            if not pictures:
                yield None

    def _make_frame(self, picture: "av.VideoFrame", arrived_ns: int) -> CapturedFrame:
        even = picture.width % 2 == 0 and picture.height % 2 == 0
        layout = PixelFormat.YUV420P if even else PixelFormat.BGR24
        return CapturedFrame(
            captured_ns=arrived_ns,
            received_ns=self._clock.monotonic_ns(),
            pixels=picture.to_ndarray(format=layout.value).astype(np.uint8, copy=False),
            format=layout,
            width=picture.width,
            height=picture.height,
        )

    def _translate_error(self, error: "av.FFmpegError", timeout_s: float) -> CameraError:
        """Not FFmpeg's own message, which shows the URL with its password."""
        import av

        if isinstance(error, av.error.HTTPUnauthorizedError):
            return CameraError(
                f"{self._display_url}: refused; check `username` and `password_file`"
            )
        if isinstance(error, av.error.ExitError):
            return CameraError(self._describe_timeout(timeout_s))
        return CameraError(f"{self._display_url}: {error.strerror}; is a camera there, and well?")

    def _describe_timeout(self, timeout_s: float) -> str:
        return (
            f"{self._display_url}: nothing came for {timeout_s:g} s; is the camera there, and well?"
        )
