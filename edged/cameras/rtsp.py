"""Network cameras: RTSP, or MJPEG over HTTP."""

from pathlib import Path
from typing import ClassVar

import msgspec

from edged.cameras.login import add_login
from edged.cameras.rtsp_settings import RtspSettings
from edged.cameras.stream import PYAV, StreamSource, describe_open_timeout
from edged.cameras.threaded import FrameSource, ThreadedCamera
from edged.clock import Clock
from edged.errors import CameraError
from edged.interfaces import Library
from edged.redaction import display_url
from edged.text import TextError, read_text

_RTSP_OPTIONS = {
    # The session description names the format, so that two packets suffice; with its default, FFmpeg waits for 17 pictures.
    "probesize": "32",
    # Otherwise FFmpeg asks for the sound too.
    "allowed_media_types": "video",
}


class RtspCamera(ThreadedCamera):
    """A network camera.

    Frames are YUV420P without padding, or BGR24 where a side of the picture is odd; `captured_ns` is the time at which their
    data arrived. `grab` delivers the newest frame; older ones show as gaps in `seq`.
    """

    Settings: ClassVar[type[msgspec.Struct]] = RtspSettings
    libraries: ClassVar[tuple[Library, ...]] = (PYAV,)

    def __init__(self, name: str, settings: RtspSettings, clock: Clock) -> None:
        """Store the arguments; connect to nothing.

        Args:
            name: the camera's name in the configuration.
            settings: the camera's settings.
            clock: the source of time stamps.
        """
        super().__init__(name, clock)
        self._settings = settings
        self.open_timeout_s = settings.open_timeout_s

    def create_source(self) -> FrameSource:
        """Return a connection that is not open yet.

        Raises:
            CameraError: the password file cannot be read.
        """
        settings = self._settings
        rtsp = settings.url.startswith("rtsp")
        return StreamSource(
            _add_login(settings),
            display_url=display_url(settings.url),
            options={"rtsp_transport": settings.transport, **_RTSP_OPTIONS} if rtsp else {},
            open_timeout_s=settings.open_timeout_s,
            read_timeout_s=settings.read_timeout_s,
            clock=self._clock,
        )

    def describe_open_timeout(self) -> str:
        """Return what to report if no picture came in time."""
        return describe_open_timeout(display_url(self._settings.url), self.open_timeout_s)


def _add_login(settings: RtspSettings) -> str:
    if settings.username is None:
        return settings.url
    password = _read_password(settings.password_file) if settings.password_file else None
    return add_login(settings.url, settings.username, password)


def _read_password(path: Path) -> str:
    try:
        return read_text(path).strip("\r\n")
    except OSError as error:
        raise CameraError(f"password_file {path}: cannot be read: {error.strerror}") from error
    except TextError as error:
        raise CameraError(f"password_file {path}: {error}") from error
