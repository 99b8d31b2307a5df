"""Addresses in messages: scheme, host and port, and never a login, wherever it stands."""

import pytest

from edged.redaction import display_url, redact_text


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("rtsp://cam/1", "rtsp://cam"),
        ("rtsp://me:hush@cam:554/1", "rtsp://cam:554"),
        ("rtsp://cam:554/user=me&password=hush&channel=1", "rtsp://cam:554"),
        ("http://cam/video.cgi?user=me&pwd=hush", "http://cam"),
        ("https://me:hush@[2001:db8::1]:8443/m?q#f", "https://[2001:db8::1]:8443"),
        ("rtsp://me:hu#sh@cam/1", "rtsp://…"),
        ("rtsp://me:hu/sh@cam/1", "rtsp://…"),
        ("rtsp://me:hu?sh@cam/1", "rtsp://…"),
        ("rtsp://me:hu\\sh@cam/1", "rtsp://…"),
        ("rtsp://me:12/34@cam/1", "rtsp://…"),
        ("rtsp://me:hu@sh@cam/1", "rtsp://cam"),
        ("rtsp://me:hush", "rtsp://…"),
        ("rtsp://me:99999", "rtsp://…"),
        ("rtsp://", "rtsp://…"),
        ("me:hush@rtsp://cam/1", "…://…"),
        ("https:/me:hush@h/m", "https://…"),
        ("https://h/models/marks@2.edgem", "https://h"),
        ("/a/path?x", "/a/path?x"),
        ("file:///m@1.edgem", "file:///m@1.edgem"),
    ],
)
def test_an_address_is_shown_without_what_may_be_secret(url: str, shown: str) -> None:
    assert display_url(url) == shown


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("nothing to hide", "nothing to hide"),
        ("at https://me:hush@h/m?token=hush: gone", "at https://h: gone"),
        ("'rtsp://me:hush@cam/1' (5 s)", "'rtsp://cam' (5 s)"),
        ("rtsp://me:hu'sh@cam/1 failed", "rtsp://cam failed"),
        ("http://a/x, https://b:1/y.", "http://a, https://b:1."),
        ("No such file: /etc/edged/https:/me:hush@h/m", "No such file: /etc/edged/https://…"),
        ("mail me@example.org", "mail me@example.org"),
        ("write file:///PATH", "write file:///PATH"),
    ],
)
def test_every_url_in_a_text_is_shown_so(text: str, shown: str) -> None:
    assert redact_text(text) == shown
