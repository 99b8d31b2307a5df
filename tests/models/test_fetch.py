"""Fetching over a real connection that stalls, breaks, states a wrong length, and serves wrong bytes."""

import hashlib
import io
import random
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from edged.catalogue.catalogue import CatalogueEntry, CatalogueFile
from edged.catalogue.download import RetryPolicy
from edged.catalogue.fetch import FetchedFile, ModelFetcher
from edged.errors import CatalogueError
from support import fetch_server as net
from support.fetch_server import Site

CONTENT = random.Random(1).randbytes(300_000)
RETRY_POLICY = RetryPolicy(stall_timeout_s=0.3, max_attempts=3, min_wait_s=0.01, max_wait_s=0.02)


@pytest.fixture
def site(monkeypatch: pytest.MonkeyPatch) -> Iterator[Site]:
    monkeypatch.setenv("NO_PROXY", "*")
    with net.serve_site() as opened:
        opened.files = {"/m": CONTENT}
        yield opened


def source(*urls: str, content: bytes = CONTENT, **more: object) -> CatalogueFile:
    return CatalogueFile(
        urls=urls,
        sha256=hashlib.sha256(content).hexdigest(),
        digest_source="the test",
        **more,  # type: ignore[arg-type] # any field, by name
    )


def fetch(
    folder: Path, cpu: CatalogueFile, labels: CatalogueFile | None = None
) -> tuple[FetchedFile, ...]:
    entry = CatalogueEntry(
        name="model",
        family="ssd",
        input_px=(8, 8),
        licence="MIT",
        description="tests",
        cpu=cpu,
        labels=labels,
    )
    return ModelFetcher(folder=folder, retry_policy=RETRY_POLICY).fetch(
        entry, "cpu", lambda _: lambda *_: None
    )


def assert_only_model_file(folder: Path) -> None:
    """Assert that the folder holds the right file and nothing else."""
    assert (folder / "model.tflite").read_bytes() == CONTENT
    assert [path.name for path in folder.iterdir()] == ["model.tflite"]


def test_a_file_is_downloaded_once(site: Site, tmp_path: Path) -> None:
    folder = tmp_path / "a" / "b"
    (first,) = fetch(folder, source(f"{site.url}/m", bytes=len(CONTENT)))
    (second,) = fetch(folder, source(f"{site.url}/m", bytes=len(CONTENT)))

    assert_only_model_file(folder)
    assert (first.downloaded, second.downloaded) == (True, False)
    assert first.bytes == len(CONTENT)
    assert len(site.requests) == 1


def test_a_file_that_is_here_but_wrong_is_replaced(site: Site, tmp_path: Path) -> None:
    (tmp_path / "model.tflite").write_bytes(b"old")
    fetch(tmp_path, source(f"{site.url}/m"))
    assert_only_model_file(tmp_path)


def test_a_broken_download_is_resumed(site: Site, tmp_path: Path) -> None:
    site.behaviours["/m"] = [net.cuts_after(100_000), net.well_behaved]
    fetch(tmp_path, source(f"{site.url}/m"))

    assert_only_model_file(tmp_path)
    assert [request[1:] for request in site.requests] == [("", ""), ("bytes=100000-", net.ETAG)]


def test_a_stalled_download_is_resumed(site: Site, tmp_path: Path) -> None:
    site.behaviours["/m"] = [net.stalls_after(65_536), net.well_behaved]
    fetch(tmp_path, source(f"{site.url}/m"))

    assert_only_model_file(tmp_path)
    assert site.requests[1][1] == "bytes=65536-"


def test_a_download_of_an_earlier_run_is_resumed(site: Site, tmp_path: Path) -> None:
    site.behaviours["/m"] = [net.cuts_after(50_000), net.responds_with(503)]
    with pytest.raises(CatalogueError, match="503 Service Unavailable; gave up"):
        fetch(tmp_path, source(f"{site.url}/m"))
    assert not (tmp_path / "model.tflite").exists()
    site.behaviours["/m"] = [net.well_behaved]
    fetch(tmp_path, source(f"{site.url}/m"))

    assert_only_model_file(tmp_path)
    assert site.requests[-1][1:] == ("bytes=50000-", net.ETAG)


def test_a_part_of_another_version_is_not_resumed(site: Site, tmp_path: Path) -> None:
    (tmp_path / ".model.tflite.part").write_bytes(b"x" * 1000)
    (tmp_path / ".model.tflite.part.etag").write_text('"zero"')
    fetch(tmp_path, source(f"{site.url}/m"))
    assert_only_model_file(tmp_path)


def test_a_wrong_part_without_an_etag_costs_one_more_attempt(site: Site, tmp_path: Path) -> None:
    (tmp_path / ".model.tflite.part").write_bytes(b"x" * 1000)
    fetch(tmp_path, source(f"{site.url}/m"))
    assert_only_model_file(tmp_path)
    assert [request[1] for request in site.requests] == ["bytes=1000-", ""]


def test_a_server_without_ranges_sends_the_whole_file_again(site: Site, tmp_path: Path) -> None:
    site.behaviours["/m"] = [net.cuts_after(100_000), net.ignores_ranges]
    fetch(tmp_path, source(f"{site.url}/m"))
    assert_only_model_file(tmp_path)


@pytest.mark.parametrize("size", [None, len(CONTENT)])
def test_a_complete_part_is_not_downloaded_again(
    site: Site, tmp_path: Path, size: int | None
) -> None:
    (tmp_path / ".model.tflite.part").write_bytes(CONTENT)
    fetch(tmp_path, source(f"{site.url}/m", bytes=size))

    assert_only_model_file(tmp_path)
    assert [request[1] for request in site.requests] == [f"bytes={len(CONTENT)}-"] * (size is None)


@pytest.mark.parametrize(
    "bad", [net.responds_with(416, Content_Range="bytes */7"), net.wrong_range]
)
def test_a_part_that_the_server_cannot_resume_is_downloaded_anew(
    site: Site, tmp_path: Path, bad: object
) -> None:
    (tmp_path / ".model.tflite.part").write_bytes(CONTENT[:1000])
    site.behaviours["/m"] = [bad, net.well_behaved]  # type: ignore[list-item] # a behaviour
    fetch(tmp_path, source(f"{site.url}/m"))

    assert_only_model_file(tmp_path)
    assert [request[1] for request in site.requests] == ["bytes=1000-", ""]


@pytest.mark.parametrize("status", [500, 503, 429])
def test_a_server_error_is_retried(site: Site, tmp_path: Path, status: int) -> None:
    site.behaviours["/m"] = [net.responds_with(status), net.responds_with(status), net.well_behaved]
    fetch(tmp_path, source(f"{site.url}/m"))
    assert_only_model_file(tmp_path)


def test_retries_end(site: Site, tmp_path: Path) -> None:
    site.behaviours["/m"] = [net.responds_with(500)]
    with pytest.raises(CatalogueError, match="500 Internal Server Error; gave up after 3 attempts"):
        fetch(tmp_path, source(f"{site.url}/m"))
    assert len(site.requests) == RETRY_POLICY.max_attempts
    assert list(tmp_path.iterdir()) == []


def test_retries_end_if_the_server_only_stalls(site: Site, tmp_path: Path) -> None:
    site.behaviours["/m"] = [net.stalls_after(0)]
    with pytest.raises(CatalogueError, match=r"no data for 0\.3 s; gave up"):
        fetch(tmp_path, source(f"{site.url}/m"))


@pytest.mark.parametrize("status", [404, 403, 410, 416, 206, 304])
def test_a_refusal_is_final(site: Site, tmp_path: Path, status: int) -> None:
    site.behaviours["/m"] = [net.responds_with(status)]
    with pytest.raises(CatalogueError, match=rf"/m: the server responded {status}"):
        fetch(tmp_path, source(f"{site.url}/m"))
    assert len(site.requests) == 1
    assert list(tmp_path.iterdir()) == []


def test_a_wrong_digest_removes_the_download(site: Site, tmp_path: Path) -> None:
    site.files["/m"] = CONTENT[:-1] + b"!"
    (tmp_path / "model.tflite").write_bytes(b"what was here before")
    with pytest.raises(
        CatalogueError,
        match=r"300000 bytes\) is not the file in the catalogue: its sha256 differs.* removed",
    ):
        fetch(tmp_path, source(f"{site.url}/m", bytes=len(CONTENT)))
    assert [path.name for path in tmp_path.iterdir()] == ["model.tflite"]
    assert (tmp_path / "model.tflite").read_bytes() == b"what was here before"


def test_an_unexpected_length_is_refused_before_the_body(site: Site, tmp_path: Path) -> None:
    site.behaviours["/m"] = [net.with_content_length(10**12)]
    with pytest.raises(CatalogueError, match="states 1000000000000 bytes, the catalogue 300000"):
        fetch(tmp_path, source(f"{site.url}/m", bytes=len(CONTENT)))
    with pytest.raises(
        CatalogueError, match="1000000000000 bytes are more than the 268435456 allowed"
    ):
        fetch(tmp_path, source(f"{site.url}/m"))
    assert list(tmp_path.iterdir()) == []


def test_a_stated_length_above_the_real_one_ends_the_retries(site: Site, tmp_path: Path) -> None:
    site.behaviours["/m"] = [net.with_content_length(len(CONTENT) + 1)]
    with pytest.raises(CatalogueError, match="gave up"):
        fetch(tmp_path, source(f"{site.url}/m"))
    assert not (tmp_path / "model.tflite").exists()


def test_an_endless_download_is_aborted(site: Site, tmp_path: Path) -> None:
    site.behaviours["/m"] = [net.endless]
    with pytest.raises(CatalogueError, match="larger than 300000 bytes; it was removed"):
        fetch(tmp_path, source(f"{site.url}/m", bytes=len(CONTENT)))
    assert list(tmp_path.iterdir()) == []


def test_redirects_are_followed_unless_to_another_protocol_or_in_a_loop(
    site: Site, tmp_path: Path
) -> None:
    site.files |= {"/moved": b"", "/file": b"", "/round": b""}
    site.behaviours["/moved"] = [net.responds_with(302, Location="/m")]
    site.behaviours["/file"] = [net.responds_with(302, Location="file:///etc/passwd")]
    site.behaviours["/round"] = [net.responds_with(302, Location="/round")]
    with pytest.raises(CatalogueError, match=r"/file: .*protocol"):
        fetch(tmp_path, source(f"{site.url}/file"))
    with pytest.raises(CatalogueError, match=r"/round: .*redirects"):
        fetch(tmp_path, source(f"{site.url}/round"))
    fetch(tmp_path, source(f"{site.url}/moved"))
    assert_only_model_file(tmp_path)


def test_the_next_address_is_tried_and_if_none_has_it_all_errors_are_reported(
    site: Site, tmp_path: Path
) -> None:
    site.files |= {"/a": b"", "/b": b"other bytes"}
    site.behaviours["/a"] = [net.responds_with(404)]
    bad = (f"{site.url}/a", f"{site.url}/b", "http://127.0.0.1:1/c")
    with pytest.raises(
        CatalogueError, match=r"/a: .*404.*; .*/b: .*sha256 differs.*; .*/c: .*gave up"
    ):
        fetch(tmp_path, source(*bad))
    fetch(tmp_path, source(*bad, f"{site.url}/m"))
    assert (tmp_path / "model.tflite").read_bytes() == CONTENT


def zipped(**members: bytes) -> bytes:
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as opened:
        for name, content in members.items():
            opened.writestr(name.replace("_", "."), content)
    return archive.getvalue()


def test_model_and_labels_come_from_one_zip_fetched_once(site: Site, tmp_path: Path) -> None:
    archive = zipped(detect_tflite=CONTENT, labels_txt=b"cat\n")
    site.files["/m.zip"] = archive
    both = [
        source(f"{site.url}/m.zip", content=archive, member=member)
        for member in ("detect.tflite", "labels.txt")
    ]
    model, labels = fetch(tmp_path, *both)

    assert model.path.read_bytes() == CONTENT
    assert labels.path == tmp_path / "model.txt"
    assert labels.path.read_bytes() == b"cat\n"
    assert len(site.requests) == 1


def test_an_invalid_zip_or_a_missing_member_is_reported(site: Site, tmp_path: Path) -> None:
    with pytest.raises(CatalogueError, match="as a zip"):
        fetch(tmp_path, source(f"{site.url}/m", member="x"))
    site.files["/m.zip"] = archive = zipped(a=b"")
    with pytest.raises(CatalogueError, match="does not contain x"):
        fetch(tmp_path, source(f"{site.url}/m.zip", content=archive, member="x"))
    assert not (tmp_path / "model.tflite").exists()


def test_a_folder_that_cannot_be_written_to_is_reported(site: Site, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(CatalogueError, match=r"cannot write .*/file/model\.tflite: "):
        fetch(tmp_path / "file", source(f"{site.url}/m"))


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no /dev/full here")
def test_a_full_disk_is_reported(site: Site, tmp_path: Path) -> None:
    (tmp_path / ".model.tflite.part").symlink_to("/dev/full")
    with pytest.raises(CatalogueError, match=r"cannot write .*: No space left on device"):
        fetch(tmp_path, source(f"{site.url}/m"))
