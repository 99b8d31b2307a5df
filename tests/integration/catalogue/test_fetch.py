"""Fetching from servers that break off, serve other bytes or nothing, and from mirrors; what HTTP itself can do wrong is in tests/integration/fetchers."""

import errno
import hashlib
import io
import os
import random
import zipfile
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from edged.catalogue.catalogue import CatalogueEntry, CatalogueFile
from edged.catalogue.fetch import FetchedFile, ModelFetcher
from edged.errors import CatalogueError
from support import fetch_server as net
from support.broker import free_port
from support.clock import FakeClock
from support.fetch_server import Site

CONTENT = random.Random(1).randbytes(300_000)


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
    folder: Path,
    cpu: CatalogueFile,
    labels: CatalogueFile | None = None,
    *,
    origin: str | None = None,
    label_list: tuple[str, ...] = (),
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
    fetcher = ModelFetcher(folder=folder, origin=origin, clock=FakeClock())
    return fetcher.fetch(entry, "cpu", lambda _: lambda *_: None, label_list=label_list)


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
    assert first.sha256 == hashlib.sha256(CONTENT).hexdigest()
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


def test_a_download_of_an_earlier_run_is_resumed(site: Site, tmp_path: Path) -> None:
    site.behaviours["/m"] = [net.cuts_after(50_000), net.responds_with(503)]
    with pytest.raises(CatalogueError, match="503 Service Unavailable"):
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


def test_a_wrong_part_with_the_right_etag_costs_one_more_attempt(
    site: Site, tmp_path: Path
) -> None:
    (tmp_path / ".model.tflite.part").write_bytes(b"x" * 1000)
    (tmp_path / ".model.tflite.part.etag").write_text(net.ETAG)
    fetch(tmp_path, source(f"{site.url}/m"))
    assert_only_model_file(tmp_path)
    assert [request[1] for request in site.requests] == ["bytes=1000-", ""]


def test_a_part_without_an_etag_is_not_used(site: Site, tmp_path: Path) -> None:
    (tmp_path / ".model.tflite.part").write_bytes(CONTENT[:1000])
    fetch(tmp_path, source(f"{site.url}/m"))
    assert_only_model_file(tmp_path)
    assert [request[1] for request in site.requests] == [""]


def test_a_server_that_fails_ends_the_attempts(site: Site, tmp_path: Path) -> None:
    site.behaviours["/m"] = [net.responds_with(500)]
    with pytest.raises(CatalogueError, match="500 Internal Server Error"):
        fetch(tmp_path, source(f"{site.url}/m"))
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
    site.behaviours["/m"] = [net.with_content_length(7)]
    with pytest.raises(CatalogueError, match="has 7 bytes, but that of the catalogue has 300000"):
        fetch(tmp_path, source(f"{site.url}/m", bytes=len(CONTENT)))
    site.behaviours["/m"] = [net.with_content_length(10**12)]
    with pytest.raises(CatalogueError, match="larger than 268435456 bytes"):
        fetch(tmp_path, source(f"{site.url}/m"))
    assert list(tmp_path.iterdir()) == []


def test_an_address_that_does_not_answer_names_the_way_around_it(tmp_path: Path) -> None:
    closed = f"http://127.0.0.1:{free_port()}"
    with pytest.raises(CatalogueError, match="take it from elsewhere: --from FILE"):
        fetch(tmp_path, source(f"{closed}/m"))
    with pytest.raises(CatalogueError) as error:
        fetch(tmp_path, source(f"{closed}/m"), origin=f"{closed}/mirror")
    assert "elsewhere" not in str(error.value)


def test_an_endless_download_is_aborted(site: Site, tmp_path: Path) -> None:
    site.behaviours["/m"] = [net.endless]
    with pytest.raises(CatalogueError, match="larger than 300000 bytes"):
        fetch(tmp_path, source(f"{site.url}/m", bytes=len(CONTENT)))
    assert list(tmp_path.iterdir()) == []


def test_the_next_address_is_tried_and_if_none_has_it_all_errors_are_reported(
    site: Site, tmp_path: Path
) -> None:
    site.files |= {"/a": b"", "/b": b"other bytes"}
    site.behaviours["/a"] = [net.responds_with(404)]
    bad = (f"{site.url}/a", f"{site.url}/b", "http://127.0.0.1:1/c")
    with pytest.raises(
        CatalogueError, match=r"404.*; .*sha256 differs.*; http://127\.0\.0\.1:1: .*"
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
    again = fetch(tmp_path, *both)

    assert model.path.read_bytes() == CONTENT
    assert labels.path == tmp_path / "model.txt"
    assert labels.path.read_bytes() == b"cat\n"
    assert len(site.requests) == 1
    assert [file.downloaded for file in again] == [False, False]


def test_an_invalid_zip_or_a_missing_member_is_reported(site: Site, tmp_path: Path) -> None:
    with pytest.raises(CatalogueError, match="as a zip"):
        fetch(tmp_path, source(f"{site.url}/m", member="x"))
    site.files["/m.zip"] = archive = zipped(a=b"")
    with pytest.raises(CatalogueError, match="does not contain x"):
        fetch(tmp_path, source(f"{site.url}/m.zip", content=archive, member="x"))
    assert not (tmp_path / "model.tflite").exists()


def test_labels_of_the_catalogue_are_written_into_a_file(site: Site, tmp_path: Path) -> None:
    for expected in (True, False):
        _, labels = fetch(tmp_path, source(f"{site.url}/m"), label_list=("cat", "dog"))
        assert labels.downloaded is expected
        assert labels.path.read_text() == "cat\ndog\n"


def test_a_folder_that_cannot_be_written_to_is_reported(site: Site, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(CatalogueError, match=r"cannot write .*/file/model\.tflite: "):
        fetch(tmp_path / "file", source(f"{site.url}/m"))


def test_a_full_disk_is_reported_and_leaves_the_model_before(
    site: Site, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def write(_descriptor: int, _content: object) -> int:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    (tmp_path / "model.tflite").write_bytes(b"before")
    monkeypatch.setattr(os, "write", write)
    with pytest.raises(CatalogueError, match=r"cannot write .*: No space left on device"):
        fetch(tmp_path, source(f"{site.url}/m"))
    assert (tmp_path / "model.tflite").read_bytes() == b"before"


def test_a_mirror_has_the_files_under_their_original_names(site: Site, tmp_path: Path) -> None:
    site.files |= {"/mirror/one.tflite": CONTENT, "/mirror/labels.txt": b"cat\n"}
    model = source("https://models.invalid/a/one.tflite?generation=3")
    labels = source("https://models.invalid/b/labels.txt", content=b"cat\n")
    for origin in (f"{site.url}/mirror", f"{site.url}/mirror/", f"{site.url}/mirror/one.tflite"):
        folder = tmp_path / f"{len(site.requests)}"
        fetch(folder, model, labels, origin=origin)
        assert (folder / "model.tflite").read_bytes() == CONTENT
        assert (folder / "model.txt").read_bytes() == b"cat\n"
    assert {urlsplit(path).path for path, *_ in site.requests} == {
        "/mirror/one.tflite",
        "/mirror/labels.txt",
    }


def test_a_folder_and_a_file_are_mirrors_too(tmp_path: Path) -> None:
    mirror = tmp_path / "mirror"
    mirror.mkdir()
    (mirror / "one.tflite").write_bytes(CONTENT)
    (mirror / "renamed").write_bytes(CONTENT)
    model = source("https://models.invalid/a/one.tflite")
    for name in ("", "one.tflite", "renamed"):
        folder = tmp_path / f"to-{name}"
        fetch(folder, model, origin=str(mirror / name))
        assert_only_model_file(folder)
    with pytest.raises(CatalogueError, match="No such file"):
        fetch(tmp_path / "none", source("https://models.invalid/two.tflite"), origin=str(mirror))
