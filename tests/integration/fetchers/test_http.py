"""Downloads over real connections that stall, break, trickle, and send wrong lengths or other bytes."""

import logging
import os
import random
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from edged.clock import NS_PER_S
from edged.errors import BundleError, DownloadError, UpdateError
from edged.fetchers.file import FileFetcher
from edged.fetchers.http import HttpFetcher
from support import fetch_server as net
from support.clock import FakeClock
from support.fetch_server import Site

CONTENT = random.Random(5).randbytes(300_000)
MAX_BYTES = 1 << 20


@pytest.fixture
def site(monkeypatch: pytest.MonkeyPatch) -> Iterator[Site]:
    monkeypatch.setenv("NO_PROXY", "*")
    with net.serve_site() as opened:
        opened.files = {"/m": CONTENT}
        yield opened


def fetch(
    url: str,
    *,
    have_bytes: int = 0,
    etag: str | None = None,
    max_bytes: int = MAX_BYTES,
    clock: FakeClock | None = None,
) -> bytes:
    """Return the local part and the rest that is fetched."""
    fetcher = HttpFetcher(clock or FakeClock(), timeout_s=0.3)
    with fetcher.fetch(url, offset_bytes=have_bytes, etag=etag, max_bytes=max_bytes) as transfer:
        return CONTENT[: transfer.offset_bytes] + b"".join(transfer.chunks)


@pytest.mark.parametrize("break_", [net.cuts_after(100_000), net.stalls_after(100_000)])
def test_a_connection_that_breaks_is_taken_up_where_it_broke(
    site: Site, break_: net.Behaviour
) -> None:
    site.behaviours["/m"] = [break_, net.well_behaved]
    assert fetch(f"{site.url}/m") == CONTENT
    assert [request[1:] for request in site.requests] == [("", ""), ("bytes=100000-", net.ETAG)]


def test_a_date_is_enough_to_go_on_by_and_a_weak_etag_is_not(site: Site) -> None:
    first = net.cuts_after(100_000, ETag='W/"weak"', Last_Modified=net.DATE)
    site.behaviours["/m"] = [first, net.with_last_modified]
    assert fetch(f"{site.url}/m") == CONTENT
    assert site.requests[1][1:] == ("bytes=100000-", net.DATE)


def test_a_server_that_ignores_ranges_sends_all_again_and_it_is_skipped(site: Site) -> None:
    site.behaviours["/m"] = [net.cuts_after(100_000), net.with_etag(net.ETAG, ranges=False)]
    assert fetch(f"{site.url}/m") == CONTENT
    assert len(site.requests) == 2


@pytest.mark.parametrize(
    "other",
    [
        net.with_etag('"two"'),
        net.with_etag('"two"', ranges=False),
        net.ignores_if_range('"two"'),
        net.wrong_range,
        net.responds_with(416, Content_Range="bytes */7"),
    ],
)
def test_a_file_that_changes_while_it_comes_is_never_put_together(
    site: Site, other: net.Behaviour
) -> None:
    site.behaviours["/m"] = [net.cuts_after(100_000), other]
    with pytest.raises(DownloadError, match="changed during the download"):
        fetch(f"{site.url}/m")


@pytest.mark.parametrize(
    "other",
    [
        net.with_etag('"two"'),
        net.with_etag('"two"', ranges=False),
        net.ignores_if_range('"two"'),
        net.wrong_range,
        net.responds_with(416, Content_Range="bytes */7"),
    ],
)
def test_what_an_earlier_run_brought_of_another_file_is_left(
    site: Site, other: net.Behaviour
) -> None:
    site.behaviours["/m"] = [other, net.with_etag('"two"')]
    assert fetch(f"{site.url}/m", have_bytes=1000, etag=net.ETAG) == CONTENT
    assert site.requests[-1][1] == ("" if len(site.requests) == 2 else "bytes=1000-")


def test_a_download_without_an_etag_cannot_be_resumed(site: Site) -> None:
    site.behaviours["/m"] = [net.cuts_after(100_000, X_Nothing="1")]
    with pytest.raises(DownloadError, match="cannot be resumed"):
        fetch(f"{site.url}/m")


@pytest.mark.parametrize("status", [500, 503, 429])
def test_a_failing_server_is_retried_with_pauses(site: Site, status: int) -> None:
    clock = FakeClock()
    before_ns = clock.monotonic_ns()
    site.behaviours["/m"] = [net.responds_with(status), net.responds_with(status), net.well_behaved]
    assert fetch(f"{site.url}/m", clock=clock) == CONTENT
    assert 1.5 <= (clock.monotonic_ns() - before_ns) / NS_PER_S <= 3


def test_retries_are_bounded_but_every_piece_received_resets_them(site: Site) -> None:
    site.behaviours["/m"] = [net.responds_with(503)]
    with pytest.raises(
        DownloadError, match=r"127\.0\.0\.1:\d+: the server answered 503 Service Unavailable"
    ):
        fetch(f"{site.url}/m")
    assert len(site.requests) == 5
    site.behaviours["/m"] = [
        net.cuts_after(1000),
        *[net.cuts_range_after(1000)] * 20,
        net.well_behaved,
    ]
    assert fetch(f"{site.url}/m") == CONTENT


@pytest.mark.parametrize("status", [401, 403, 404, 410])
def test_a_refusal_is_final(site: Site, status: int) -> None:
    site.behaviours["/m"] = [net.responds_with(status)]
    with pytest.raises(UpdateError, match=rf":\d+: the server answered {status}") as caught:
        fetch(f"{site.url}/m")
    assert not isinstance(caught.value, DownloadError)
    assert len(site.requests) == 1


def test_nobody_there_may_pass() -> None:
    with pytest.raises(DownloadError, match=r"127\.0\.0\.1:1: "):
        fetch("http://127.0.0.1:1/m")


def test_what_never_ends_is_cut_off(site: Site) -> None:
    site.behaviours["/m"] = [net.endless]
    with pytest.raises(BundleError, match="larger than 1048576"):
        fetch(f"{site.url}/m")
    site.behaviours["/m"] = [net.with_content_length(10**12)]
    with pytest.raises(BundleError, match="larger than 1048576"):
        fetch(f"{site.url}/m")


class FastClock(FakeClock):
    """A clock that advances by a second at each reading."""

    def monotonic_ns(self) -> int:
        self.sleep(1.0)
        return super().monotonic_ns()


def test_a_server_that_trickles_is_given_up(site: Site) -> None:
    site.behaviours["/m"] = [net.trickles]
    with pytest.raises(DownloadError, match="too slow"):
        fetch(f"{site.url}/m", clock=FastClock())


def test_redirects_are_followed_but_not_off_the_web_or_in_circles(site: Site) -> None:
    site.files |= dict.fromkeys(("/moved", "/file", "/round"), b"")
    site.behaviours["/moved"] = [net.responds_with(302, Location="/m")]
    site.behaviours["/file"] = [net.responds_with(302, Location="file:///etc/passwd")]
    site.behaviours["/round"] = [net.responds_with(302, Location="/round")]
    assert fetch(f"{site.url}/moved") == CONTENT
    with pytest.raises(UpdateError, match="protocol"):
        fetch(f"{site.url}/file")
    with pytest.raises(UpdateError, match="redirects"):
        fetch(f"{site.url}/round")


def test_credentials_are_sent_and_never_shown_nor_passed_on(
    site: Site, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    site.files["/away"] = b""
    with_secret = site.url.replace("://", "://us%40er:s3cret%2Fx@")
    assert fetch(f"{with_secret}/m?token=t0ken") == CONTENT
    assert site.credentials[-1] == "us@er:s3cret/x"
    with net.serve_site() as other:
        other.files = {"/m": CONTENT}
        site.behaviours["/away"] = [net.responds_with(302, Location=f"{other.url}/m")]
        assert fetch(f"{with_secret}/away") == CONTENT
        assert other.credentials == [""]
    site.behaviours["/m"] = [net.responds_with(404)]
    with pytest.raises(UpdateError) as caught:
        fetch(f"{with_secret}/m?token=t0ken")
    shown = caplog.text + str(caught.value)
    assert "s3cret" not in shown
    assert "t0ken" not in shown


@pytest.mark.parametrize("host", ["h..h", "x" * 64 + ".lan"])
def test_a_redirect_to_a_name_that_is_none_is_refused(site: Site, host: str) -> None:
    site.behaviours["/m"] = [net.responds_with(302, Location=f"http://{host}/m?token=t0ken")]
    with pytest.raises(UpdateError, match="not a valid URL") as caught:
        fetch(f"{site.url}/m")
    assert "t0ken" not in str(caught.value)


@pytest.mark.parametrize("url", ["http://u:p/w@h/m", "http://[::1/m", "http:///m"])
def test_an_invalid_url_is_reported_without_showing_a_secret(url: str) -> None:
    with pytest.raises(UpdateError) as caught:
        fetch(url)
    assert "p/w" not in str(caught.value)


def test_without_httpx_the_error_names_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "httpx", None)
    with pytest.raises(UpdateError, match=r"edged\[updates\]"):
        fetch("http://127.0.0.1:1/m")


@pytest.mark.parametrize("what", ["a folder", "a pipe", "nothing", "another host's"])
def test_what_is_no_file_is_refused_without_waiting(tmp_path: Path, what: str) -> None:
    os.mkfifo(tmp_path / "a pipe")
    (tmp_path / "a folder").mkdir()
    url = "file://host/m" if what == "another host's" else str(tmp_path / what)
    fetcher = FileFetcher(FakeClock())
    with (
        pytest.raises(UpdateError),
        fetcher.fetch(url, offset_bytes=0, etag=None, max_bytes=MAX_BYTES),
    ):
        pass


def test_a_file_that_shrinks_while_it_is_read_is_reported(tmp_path: Path) -> None:
    path = tmp_path / "m"
    path.write_bytes(CONTENT * 4)
    fetcher = FileFetcher(FakeClock())
    with fetcher.fetch(str(path), offset_bytes=0, etag=None, max_bytes=2 * MAX_BYTES) as transfer:
        next(transfer.chunks)
        path.write_bytes(b"")
        with pytest.raises(DownloadError, match="shorter"):
            next(transfer.chunks)
