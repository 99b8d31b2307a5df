"""Network cameras: RTSP, or MJPEG over HTTP."""

from pathlib import Path
from typing import Annotated, ClassVar, Literal

import msgspec
from msgspec import Meta

from edged.cameras.login import add_login, find_username_problem
from edged.cameras.stream import PYAV, StreamSource, describe_open_timeout
from edged.cameras.threaded import FrameSource, ThreadedCamera
from edged.clock import Clock
from edged.config.addresses import STREAM_URL, find_login_problem
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


class RtspSettings(msgspec.Struct, frozen=True, kw_only=True):
    """[camera.NAME] with ``source = "rtsp"``."""

    url: Annotated[
        str,
        Meta(
            extra=STREAM_URL,
            description="rtsp://, rtsps://, or http:// and https:// for MJPEG; without user name and password.",
        ),
    ]
    username: Annotated[
        str | None, Meta(description="User name for login; no login if not set.")
    ] = None
    password_file: Annotated[
        Path | None,
        Meta(
            description="A file that contains the password and nothing else; only edged should be able to read it."
        ),
    ] = None
    transport: Annotated[
        Literal["tcp", "udp"],
        Meta(description='Transport of RTSP; "tcp" loses no packets on a poor network.'),
    ] = "tcp"
    open_timeout_s: Annotated[
        float,
        Meta(gt=0, le=60, description="Longest time until the first picture, seconds."),
    ] = 5.0
    read_timeout_s: Annotated[
        float,
        Meta(
            gt=0,
            le=60,
            description="Longest time without a picture before the camera counts as lost, seconds; more than the time between two pictures.",
        ),
    ] = 4.5

    def __post_init__(self) -> None:
        """Reject a login in the URL, wherever the settings come from, and a user name that cannot be sent."""
        if self.username and (reason := find_username_problem(self.username)):
            raise ValueError(f"`username` cannot be used: {reason}")
        if problem := find_login_problem(self.url):
            raise ValueError(f"`url` {problem.message}; {problem.hint}")


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
