"""The source of a bundle: what every entrance refuses, so that the installer never sees it."""

from pathlib import Path

import pytest

from edged.errors import BundleError, UpdateError
from edged.updates.rules.desired import DesiredState, encode_desired
from edged.updates.rules.source import (
    check_scheme,
    check_source,
    find_source_problem,
    is_url,
    source_path,
    source_scheme,
)


@pytest.mark.parametrize(
    ("source", "scheme"),
    [
        ("/a/b.edgem", "file"),
        ("/odd\n\x1b.edgem", "file"),
        ("file:///a%20b.edgem", "file"),
        ("https://h/marks@2.edgem", "https"),
        ("HTTPS://h/m", "https"),
        ("https://me:hu%2Fsh@h:8443/m?q=a@b", "https"),
        ("http://[::1]:80/m", "http"),
        ("http://bundle_server/m", "http"),
    ],
)
def test_sources_that_can_be_used(source: str, scheme: str) -> None:
    check_source(source)
    check_scheme(source)
    assert source_scheme(source) == scheme


@pytest.mark.parametrize(
    "source",
    [
        "",
        "x" * 5000,
        "/a\0b",
        "file:///a%00b",
        "\udcff",
        "https://",
        "https:///m",
        "https:/me:hush@h/m",
        "https://[::1/m",
        "https://[x]/m",
        "https://::1/m",
        "https://h:99999/m",
        "https://h:hush/m",
        "https://me:hu/sh@h/m",
        "https://me:12/34@h/m",
        "https://h/a b",
        "https://h/a\x1b",
        "https://256.256.256.256/m",
        "https://h..h/m",
        "https://" + "x" * 64 + "/m",
    ],
)
def test_a_source_that_is_no_address_is_refused_without_showing_a_login(source: str) -> None:
    with pytest.raises(UpdateError, match="cannot be a source") as caught:
        check_source(source)
    message = str(caught.value)
    message.encode()
    assert len(message) < 400
    for secret in ("hush", "hu/sh", "12/34"):
        assert secret not in message


def test_a_scheme_that_nothing_fetches_is_named() -> None:
    with pytest.raises(UpdateError, match=r"ftp://h: ftp:// is not supported; .* https://"):
        check_scheme("ftp://me:hush@h/m")


def test_paths() -> None:
    assert source_path("/a b%20") == Path("/a b%20")
    assert source_path("file:///a%20b?c#d") == Path("/a b")
    assert source_path("file://localhost/a") == source_path("file:/a") == Path("/a")
    assert source_path("https://h/a") is None
    assert [is_url(one) for one in ("file:/a", "https:/a", "/a", "a:b", "./https:/a")] == [
        True,
        True,
        False,
        False,
        False,
    ]
    with pytest.raises(UpdateError, match="another host"):
        source_path("file://other/a")


@pytest.mark.parametrize("url", ["https://[::1/m", "https://h:99999/m", "https://me:hu/sh@h/m"])
def test_a_desired_state_that_names_no_address_can_neither_be_made_nor_read(url: str) -> None:
    assert find_source_problem(url)
    desired = DesiredState(
        channel="stable", sequence=5, title="marks@2", digest="a" * 64, urls=("https://h/m", url)
    )
    with pytest.raises(BundleError, match="no source of bundles") as caught:
        encode_desired(desired)
    assert "hu/sh" not in str(caught.value)
