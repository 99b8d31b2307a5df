"""The settings of a network camera."""

from pathlib import Path
from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from edged.cameras.login import find_username_problem
from edged.config.addresses import STREAM_URL, find_login_problem


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
