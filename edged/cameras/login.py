"""The login in the URL of a network camera, as FFmpeg takes it."""

import re
from urllib.parse import quote, urlsplit

from edged.errors import CameraError

_MAX_LOGIN_BYTES = {"rtsp": 127, "rtsps": 127, "http": 1023, "https": 1023}
"""FFmpeg cuts a longer "user:password" of a URL without a word (libavformat: `auth` in rtsp.c and http.c)."""
_MUST_ENCODE = re.compile("[\x01-\x1f\x7f%/?#]")
"""What would end the login, or be decoded. FFmpeg takes all else as it stands, and each encoded byte counts as three."""


def find_username_problem(username: str) -> str | None:
    """Return why no login can be made with a user name, as a clause; None if one can."""
    if ":" in username:
        return "it contains a colon, which ends the user name in every login (RFC 7617)"
    return "it contains a NUL byte" if "\0" in username else None


def add_login(url: str, username: str, password: str | None) -> str:
    """Return a URL with a login.

    Args:
        url: address of the camera, without a login.
        username: without a colon.
        password: None if there is none.

    Raises:
        CameraError: the login is longer than FFmpeg passes on, or contains a NUL byte; without the password.
    """
    login = _encode(username) + (f":{_encode(password)}" if password is not None else "")
    parts = urlsplit(url)
    most, length = _MAX_LOGIN_BYTES[parts.scheme], len(login.encode())
    if length > most:
        raise CameraError(
            f"`username` and the password are too long together: {length} bytes, and FFmpeg passes on {most} over {parts.scheme}"
            " (each of % / ? # and of the control characters counts as three bytes, other letters than A to Z as two to four):"
            " set a shorter password in the camera"
        )
    return parts._replace(netloc=f"{login}@{parts.netloc}").geturl()


def _encode(text: str) -> str:
    if "\0" in text:
        raise CameraError("the password contains a NUL byte: write it as text into `password_file`")
    return _MUST_ENCODE.sub(lambda found: quote(found[0], safe=""), text)
