from urllib.parse import unquote, urlsplit

import pytest

from edged.cameras.login import add_login
from edged.cameras.rtsp_settings import RtspSettings
from edged.errors import CameraError

PRINTABLE = "".join(map(chr, range(32, 127)))


def test_only_what_must_be_encoded_is() -> None:
    url = add_login("rtsp://camera/live?channel=1", "viewer", PRINTABLE)
    login = url.removeprefix("rtsp://").removesuffix("@camera/live?channel=1")
    assert unquote(login) == f"viewer:{PRINTABLE}"
    assert len(login) == len(f"viewer:{PRINTABLE}") + 2 * len("%/?#")


@pytest.mark.parametrize(("scheme", "most"), [("rtsp", 127), ("rtsps", 127), ("http", 1023)])
def test_a_login_over_ffmpegs_limit_is_refused_instead_of_cut(scheme: str, most: int) -> None:
    url = f"{scheme}://camera/live"
    longest = "p" * (most - len("viewer:"))
    assert urlsplit(add_login(url, "viewer", longest)).password == longest
    with pytest.raises(
        CameraError, match=f"{most + 1} bytes, and FFmpeg passes on {most}"
    ) as caught:
        add_login(url, "viewer", f"{longest}p")
    assert "pppp" not in str(caught.value)


def test_a_login_counts_in_encoded_bytes() -> None:
    with pytest.raises(CameraError, match="127"):
        add_login("rtsp://camera/", "u", "/" * 42)
    add_login("rtsp://camera/", "u", "/" * 41)
    with pytest.raises(CameraError, match="129 bytes"):
        add_login("rtsp://camera/", "u", "ü" * 63 + "x")


@pytest.mark.parametrize("username", ["domain:viewer", "viewer\0"])
def test_a_user_name_that_cannot_be_sent_is_refused(username: str) -> None:
    with pytest.raises(ValueError, match="`username` cannot be used"):
        RtspSettings(url="rtsp://camera/", username=username)


def test_a_nul_byte_in_a_password_is_refused_instead_of_cut() -> None:
    with pytest.raises(CameraError, match="NUL byte") as caught:
        add_login("rtsp://camera/", "viewer", "left\0right")
    assert "left" not in str(caught.value)
