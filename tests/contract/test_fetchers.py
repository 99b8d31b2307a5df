"""Every registered fetcher implements the protocol."""

import random
import ssl
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from edged.errors import BundleError, DownloadError, UpdateError
from edged.interfaces import Fetcher, Transfer
from edged.registry import FETCHERS, load_driver
from support import fetch_server
from support.broker import make_certificates
from support.clock import FakeClock

CONTENT = random.Random(4).randbytes(700_000)
MAX_BYTES = 1_000_000


@dataclass
class FetcherRig:
    """A fetcher, and the URL of a file for it."""

    fetcher: Fetcher
    url: str
    replace_file: Callable[[bytes], None]
    """Replaces the file by another one."""

    @contextmanager
    def fetch(
        self, *, have_bytes: int = 0, etag: str | None = None, max_bytes: int = MAX_BYTES
    ) -> Iterator[Transfer]:
        with self.fetcher.fetch(
            self.url, offset_bytes=have_bytes, etag=etag, max_bytes=max_bytes
        ) as transfer:
            yield transfer

    def etag(self) -> str:
        with self.fetch() as transfer:
            assert transfer.etag
            return transfer.etag


@pytest.fixture(params=FETCHERS)
def rig(
    request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[FetcherRig]:
    fetcher: Fetcher = load_driver(FETCHERS, request.param)(FakeClock())
    if request.param == "file":
        path = tmp_path / "a bundle.edgem"

        def put(content: bytes) -> None:
            (tmp_path / "new").write_bytes(content)
            (tmp_path / "new").rename(path)

        put(CONTENT)
        yield FetcherRig(fetcher, path.as_uri(), put)
        return
    monkeypatch.setenv("NO_PROXY", "*")
    tls = None
    if request.param == "https":
        files = make_certificates(tmp_path / "tls")
        tls = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        tls.load_cert_chain(files.cert, files.key)
        monkeypatch.setenv("SSL_CERT_FILE", str(files.ca))
    with fetch_server.serve_site(tls) as site:

        def serve(content: bytes) -> None:
            etag = f'"{hash(content)}"'
            site.files["/bundle"] = content
            site.behaviours["/bundle"] = [fetch_server.with_etag(etag)]

        serve(CONTENT)
        yield FetcherRig(fetcher, f"{site.url}/bundle", serve)


def test_a_file_comes_whole(rig: FetcherRig) -> None:
    with rig.fetch() as transfer:
        assert transfer.offset_bytes == 0
        assert transfer.total_bytes == len(CONTENT)
        assert b"".join(transfer.chunks) == CONTENT


def test_it_is_read_piece_by_piece_and_may_be_left_in_the_middle(rig: FetcherRig) -> None:
    with rig.fetch() as transfer:
        piece = next(transfer.chunks)
        assert CONTENT.startswith(piece)
        assert 0 < len(piece) < len(CONTENT)


@pytest.mark.parametrize("have", [1, 123_456, len(CONTENT)])
def test_it_goes_on_where_it_stopped(rig: FetcherRig, have: int) -> None:
    with rig.fetch(have_bytes=have, etag=rig.etag()) as transfer:
        assert transfer.offset_bytes == have
        assert transfer.total_bytes == len(CONTENT)
        assert CONTENT[:have] + b"".join(transfer.chunks) == CONTENT


def test_what_is_here_of_another_file_is_of_no_use(rig: FetcherRig) -> None:
    old_etag = rig.etag()
    rig.replace_file(CONTENT[::-1])
    with rig.fetch(have_bytes=1000, etag=old_etag) as transfer:
        assert transfer.offset_bytes == 0
        assert transfer.etag != old_etag
        assert b"".join(transfer.chunks) == CONTENT[::-1]


def test_more_than_all_of_it_is_of_no_use(rig: FetcherRig) -> None:
    with rig.fetch(have_bytes=len(CONTENT) + 1, etag=rig.etag()) as transfer:
        assert transfer.offset_bytes == 0
        assert b"".join(transfer.chunks) == CONTENT


def test_without_an_etag_it_begins_anew(rig: FetcherRig) -> None:
    with rig.fetch(have_bytes=1000) as transfer:
        assert transfer.offset_bytes == 0
        assert b"".join(transfer.chunks) == CONTENT


def test_one_that_is_too_large_is_refused_before_it_comes(rig: FetcherRig) -> None:
    with pytest.raises(BundleError, match="699999"), rig.fetch(max_bytes=len(CONTENT) - 1):
        pass
    with rig.fetch(max_bytes=len(CONTENT)) as transfer:
        assert len(b"".join(transfer.chunks)) == len(CONTENT)


def test_one_that_is_not_there_is_no_passing_matter(rig: FetcherRig) -> None:
    rig.url += ".none"
    with pytest.raises(UpdateError) as caught, rig.fetch():
        pass
    assert not isinstance(caught.value, DownloadError)


def test_an_empty_file_is_one_too(rig: FetcherRig) -> None:
    rig.replace_file(b"")
    with rig.fetch() as transfer:
        assert transfer.total_bytes == 0
        assert b"".join(transfer.chunks) == b""
