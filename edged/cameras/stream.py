"""A video stream from the network, read by FFmpeg through PyAV.

PyAV instead of OpenCV: its timeouts are per source, it raises clear errors, and it does not fall behind the camera (docs/cameras.md).
"""

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, cast

from edged.cameras.threaded import CapturedFrame
from edged.clock import NS_PER_S, Clock, Deadline
from edged.errors import CameraError, PictureError
from edged.interfaces import CameraInfo, Library
from edged.types import PixelFormat

if TYPE_CHECKING:
    import av
    from av.container import InputContainer

_CHECK_CAMERA = "check that the camera is on and that `url` is right"
PYAV = Library.of_extra("PyAV", "av", "rtsp")
_PROBE_US = "500000"
"""How long FFmpeg probes the stream, instead of its default of 5 s. The first pictures wait in a buffer and are then read at once."""


class StreamSource:
    """One connection to a network camera; a `FrameSource`."""

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
        """Store the arguments; connect to nothing.

        Args:
            url: address of the stream; may contain a password.
            display_url: the address as messages show it.
            options: FFmpeg's options for the demuxer and the protocol.
            open_timeout_s: longest time until the first picture.
            read_timeout_s: longest time without data before the stream counts as lost.
            clock: the source of time stamps.
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
        self._last_packet_ns = 0
        """When the last packet of the video stream arrived, monotonic nanoseconds."""

    def open(self) -> CameraInfo:
        """Connect, find the video stream and decode its first picture.

        Raises:
            CameraError: PyAV is not installed, or the camera does not deliver a picture in time.
        """
        open_deadline = Deadline(self._clock, self._open_timeout_s)
        try:
            import av
        except ImportError as error:
            raise CameraError(f"{self._display_url}: {PYAV.missing_message}") from error
        try:
            stream = self._open_stream()
            self._first_frame = self._wait_first_frame(open_deadline)
        except av.FFmpegError as error:
            # FFmpeg reports a time-out by several errors, as "Invalid data" after an incomplete probe.
            if open_deadline.expired or isinstance(error, av.error.ExitError):
                raise CameraError(
                    describe_open_timeout(self._display_url, self._open_timeout_s)
                ) from None
            raise self._translate_error(error) from None
        return CameraInfo(
            width=self._first_frame.width,
            height=self._first_frame.height,
            fps=float(stream.average_rate or stream.codec_context.framerate or 0),
            description=f"{stream.codec_context.name} from {self._display_url}",
            max_silence_s=self._read_timeout_s,
        )

    def read(self) -> CapturedFrame | None:
        """Decode the next packet; None if it contains no picture.

        Raises:
            CameraError: the stream has ended, or no data came in time.
        """
        import av

        if self._first_frame is not None:
            frame, self._first_frame = self._first_frame, None
            return frame
        try:
            return next(self._frames)
        except StopIteration:
            raise CameraError(f"{self._display_url}: the camera ended the stream") from None
        except av.FFmpegError as error:
            if isinstance(error, av.error.ExitError) or self._is_silent_too_long:
                raise CameraError(self._describe_silence()) from None
            raise self._translate_error(error) from None

    def close(self) -> None:
        """Close the connection."""
        if self._container is not None:
            self._container.close()

    def _open_stream(self) -> "av.VideoStream":
        import av

        from edged.cameras.decoded_picture import DECODER_OPTIONS

        self._container = av.open(
            self._url,
            options={**DECODER_OPTIONS, **self._options},
            # FFmpeg applies the first timeout to the connection, and again to the probe; the caller keeps the sum within it.
            timeout=(self._open_timeout_s, self._read_timeout_s),
        )
        if not self._container.streams.video:
            raise CameraError(f"{self._display_url}: the stream has no video; check `url`")
        stream = self._container.streams.video[0]
        # Decoding by frame threads would delay the stream by as many frames as there are cores.
        stream.thread_type = "SLICE"
        stream.codec_context.options = DECODER_OPTIONS
        self._frames = self._decode(self._container, stream)
        return stream

    def _wait_first_frame(self, deadline: Deadline) -> CapturedFrame:
        for frame in self._frames:
            if frame is not None:
                return frame
            if deadline.expired:
                raise CameraError(
                    f"{self._display_url}: no picture within {self._open_timeout_s:g} s;"
                    " set a shorter key frame interval in the camera, or raise `open_timeout_s`"
                )
        raise CameraError(f"{self._display_url}: the stream ended before the first picture")

    def _decode(
        self, container: "InputContainer", stream: "av.VideoStream"
    ) -> "Iterator[CapturedFrame | None]":
        """Yield the pictures of each packet, and None for a packet without a picture."""
        self._last_packet_ns = self._clock.monotonic_ns()
        # All streams: sound that goes on must not hide that the picture has stopped.
        for packet in container.demux():
            # After a timeout FFmpeg first returns the packet that its parser held back, and then waits once more.
            if self._is_silent_too_long:
                raise CameraError(self._describe_silence())
            if packet.stream.index != stream.index:
                continue
            arrived_ns = self._last_packet_ns = self._clock.monotonic_ns()
            pictures = self._decode_packet(cast("av.Packet[av.VideoStream]", packet))
            for picture in pictures:
                yield self._make_frame(picture, arrived_ns)
            if not pictures:
                yield None

    def _decode_packet(self, packet: "av.Packet[av.VideoStream]") -> "list[av.VideoFrame]":
        from edged.cameras.decoded_picture import decode_packet

        try:
            return decode_packet(packet)
        except PictureError as error:
            raise CameraError(
                f"{self._display_url}: cannot decode a picture: {error}; set a smaller picture in the camera"
            ) from error

    def _make_frame(self, picture: "av.VideoFrame", arrived_ns: int) -> CapturedFrame:
        from edged.cameras.decoded_picture import read_pixels

        pixels, layout, colour = read_pixels(picture)
        planar = layout is PixelFormat.YUV420P
        return CapturedFrame(
            captured_ns=arrived_ns,
            received_ns=self._clock.monotonic_ns(),
            pixels=pixels,
            format=layout,
            width=pixels.shape[1],
            height=pixels.shape[0] * 2 // 3 if planar else pixels.shape[0],
            colour=colour,
        )

    @property
    def _is_silent_too_long(self) -> bool:
        silent_ns = self._clock.monotonic_ns() - self._last_packet_ns
        return silent_ns >= self._read_timeout_s * NS_PER_S

    def _translate_error(self, error: "av.FFmpegError") -> CameraError:
        """Return an error without FFmpeg's own message, which shows the URL with its password."""
        import av

        if isinstance(error, av.error.HTTPUnauthorizedError):
            return CameraError(
                f"{self._display_url}: the camera refused the login; check `username` and `password_file`"
            )
        return CameraError(f"{self._display_url}: {error.strerror}; {_CHECK_CAMERA}")

    def _describe_silence(self) -> str:
        return (
            f"{self._display_url}: no data for {self._read_timeout_s:g} s; {_CHECK_CAMERA},"
            " or raise `read_timeout_s`"
        )


def describe_open_timeout(display_url: str, open_timeout_s: float) -> str:
    """Return what to report if no picture came within `open_timeout_s` seconds."""
    return (
        f"{display_url}: no picture within {open_timeout_s:g} s; {_CHECK_CAMERA},"
        " or raise `open_timeout_s`"
    )
