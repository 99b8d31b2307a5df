"""Every registered fetcher keeps the protocol's promises."""

import random
import ssl
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from edged.errors import BundleError, DownloadError, UpdateError
from edged.interfaces import Fetcher, Transfer
from edged.registry import FETCHERS, load
from support import fetch_server
from support.broker import certificates
from support.clock import FakeClock

CONTENT = random.Random(4).randbytes(700_000)
MOST = 1_000_000


@dataclass
class Rig:
    """A fetcher, and a place where it finds a file."""

    fetcher: Fetcher
    url: str
    put: Callable[[bytes], None]
    """Another file takes the place of the one that is there."""

    @contextmanager
    def fetch(self, *, have: int = 0, mark: str = "", most: int = MOST) -> Iterator[Transfer]:
        with self.fetcher.fetch(self.url, have_bytes=have, mark=mark, most_bytes=most) as transfer:
            yield transfer

    def mark(self) -> str:
        with self.fetch() as transfer:
            assert transfer.mark
            return transfer.mark


@pytest.fixture(params=FETCHERS)
def rig(
    request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Rig]:
    fetcher: Fetcher = load(FETCHERS, request.param)(FakeClock())
    if request.param == "file":
        path = tmp_path / "a bundle.edgem"

        def put(content: bytes) -> None:
            (tmp_path / "new").write_bytes(content)
            (tmp_path / "new").rename(path)

        put(CONTENT)
        yield Rig(fetcher, path.as_uri(), put)
        return
    monkeypatch.setenv("NO_PROXY", "*")
    tls = None
    if request.param == "https":
        files = certificates(tmp_path / "tls")
        tls = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        tls.load_cert_chain(files.cert, files.key)
        monkeypatch.setenv("SSL_CERT_FILE", str(files.ca))
    with fetch_server.serving(tls) as site:

        def serve(content: bytes) -> None:
            etag = f'"{hash(content)}"'
            site.files["/bundle"] = content
            site.habits["/bundle"] = [fetch_server.named(etag)]

        serve(CONTENT)
        yield Rig(fetcher, f"{site.url}/bundle", serve)


def test_a_file_comes_whole(rig: Rig) -> None:
    with rig.fetch() as transfer:
        assert transfer.start_bytes == 0
        assert transfer.total_bytes == len(CONTENT)
        assert b"".join(transfer.pieces) == CONTENT


def test_it_is_read_piece_by_piece_and_may_be_left_in_the_middle(rig: Rig) -> None:
    with rig.fetch() as transfer:
        piece = next(transfer.pieces)
        assert CONTENT.startswith(piece)
        assert 0 < len(piece) < len(CONTENT)


@pytest.mark.parametrize("have", [1, 123_456, len(CONTENT)])
def test_it_goes_on_where_it_stopped(rig: Rig, have: int) -> None:
    with rig.fetch(have=have, mark=rig.mark()) as transfer:
        assert transfer.start_bytes == have
        assert transfer.total_bytes == len(CONTENT)
        assert CONTENT[:have] + b"".join(transfer.pieces) == CONTENT


def test_what_is_here_of_another_file_is_of_no_use(rig: Rig) -> None:
    mark = rig.mark()
    rig.put(CONTENT[::-1])
    with rig.fetch(have=1000, mark=mark) as transfer:
        assert transfer.start_bytes == 0
        assert transfer.mark != mark
        assert b"".join(transfer.pieces) == CONTENT[::-1]


def test_more_than_all_of_it_is_of_no_use(rig: Rig) -> None:
    with rig.fetch(have=len(CONTENT) + 1, mark=rig.mark()) as transfer:
        assert transfer.start_bytes == 0
        assert b"".join(transfer.pieces) == CONTENT


def test_without_a_mark_it_begins_anew(rig: Rig) -> None:
    with rig.fetch(have=1000) as transfer:
        assert transfer.start_bytes == 0
        assert b"".join(transfer.pieces) == CONTENT


def test_one_that_is_too_large_is_refused_before_it_comes(rig: Rig) -> None:
    with pytest.raises(BundleError, match="699999"), rig.fetch(most=len(CONTENT) - 1):
        pass
    with rig.fetch(most=len(CONTENT)) as transfer:
        assert len(b"".join(transfer.pieces)) == len(CONTENT)


def test_one_that_is_not_there_is_no_passing_matter(rig: Rig) -> None:
    rig.url += ".none"
    with pytest.raises(UpdateError) as told, rig.fetch():
        pass
    assert not isinstance(told.value, DownloadError)


def test_an_empty_file_is_one_too(rig: Rig) -> None:
    rig.put(b"")
    with rig.fetch() as transfer:
        assert transfer.total_bytes == 0
        assert b"".join(transfer.pieces) == b""
