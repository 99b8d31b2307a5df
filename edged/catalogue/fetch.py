"""Fetching the files of a catalogue entry into a folder, verified by their digests."""

import hashlib
import os
import zipfile
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from msgspec import Struct

from edged.catalogue.catalogue import CatalogueEntry, CatalogueFile, ModelVariant
from edged.catalogue.download import DownloadProgress, ModelDownload, RetryPolicy
from edged.clock import Clock, SystemClock
from edged.errors import CatalogueError
from edged.host.files import LocalFileSystem, replace_file

_MAX_MEMBER_BYTES = 256 << 20
_SUFFIXES = {"cpu": ".tflite", "edgetpu": "_edgetpu.tflite", "labels": ".txt"}


class FetchedFile(Struct, frozen=True, kw_only=True):
    """A verified file in the folder.

    Attributes:
        path: path of the file.
        bytes: size of the file.
        downloaded: true if it was downloaded now; false if it was already present.
    """

    path: Path
    bytes: int
    downloaded: bool


@dataclass(frozen=True, kw_only=True)
class ModelFetcher:
    """Fetches models into one folder.

    Attributes:
        folder: target folder; created if missing.
        retry_policy: limits of each download.
        clock: measures the pauses between attempts.
    """

    folder: Path
    retry_policy: RetryPolicy = field(default_factory=RetryPolicy)
    clock: Clock = field(default_factory=SystemClock)

    def fetch(
        self,
        entry: CatalogueEntry,
        variant: ModelVariant,
        progress: Callable[[str], DownloadProgress],
    ) -> tuple[FetchedFile, ...]:
        """Fetch the model file, and the file of class names if there is one.

        Args:
            entry: the model in the catalogue.
            variant: the variant to fetch.
            progress: called with each file's name; returns the callback for its progress.

        Raises:
            CatalogueError: the variant does not exist, no address gives the right file, or it cannot be written.
        """
        wanted: list[tuple[str, CatalogueFile]] = [(variant, entry.get_file(variant))]
        if entry.labels:
            wanted.append(("labels", entry.labels))
        files = []
        for kind, source in wanted:
            target = self.folder / f"{entry.name}{_SUFFIXES[kind]}"
            files.append(self._fetch_file(source, target, progress(target.name)))
        return tuple(files)

    def _fetch_file(
        self, source: CatalogueFile, target: Path, progress: DownloadProgress
    ) -> FetchedFile:
        try:
            return self._fetch_or_reuse(source, target, progress)
        except CatalogueError:
            raise
        except OSError as error:
            raise CatalogueError(f"cannot write {target}: {error.strerror or error}") from error

    def _fetch_or_reuse(
        self, source: CatalogueFile, target: Path, progress: DownloadProgress
    ) -> FetchedFile:
        if source.member is None:
            archive = target
        else:
            name = source.urls[0].partition("?")[0].rpartition("/")[2]
            archive = target.with_name(f"{source.sha256[:8]}-{name}")
        is_missing = not _has_sha256(archive, source.sha256)
        if is_missing:
            self.folder.mkdir(parents=True, exist_ok=True)
            self._download_from_any(source, archive, progress)
        if source.member is not None:
            replace_file(LocalFileSystem(), target, _read_member(archive, source.member))
        return FetchedFile(path=target, bytes=target.stat().st_size, downloaded=is_missing)

    def _download_from_any(
        self, source: CatalogueFile, target: Path, progress: DownloadProgress
    ) -> None:
        """Download from the first address that works; if none does, raise the errors of all."""
        errors = []
        for url in source.urls:
            try:
                self._download_from(url, source, target, progress)
            except CatalogueError as error:
                errors.append(str(error))
            else:
                return
        raise CatalogueError("; ".join(errors))

    def _download_from(
        self, url: str, source: CatalogueFile, target: Path, progress: DownloadProgress
    ) -> None:
        part = target.with_name(f".{target.name}.part")
        download = ModelDownload(
            url, part, size_bytes=source.bytes, retry_policy=self.retry_policy, clock=self.clock
        )
        resumed = part.exists()
        download.run(progress)
        if resumed and not _has_sha256(part, source.sha256):
            # The part file may have belonged to another version of the file.
            download.discard()
            download.run(progress)
        if not _has_sha256(part, source.sha256):
            size_bytes = part.stat().st_size
            download.discard()
            raise CatalogueError(
                f"{url}: the download ({size_bytes} bytes) is not the file in the catalogue: its sha256 differs; it was removed"
            )
        _move_durably(part, target)
        download.discard()


def _move_durably(part: Path, target: Path) -> None:
    with part.open("rb") as file:
        os.fsync(file.fileno())
    part.replace(target)


def _has_sha256(path: Path, sha256: str) -> bool:
    if not path.is_file():
        return False
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest() == sha256


def _read_member(archive: Path, name: str) -> bytes:
    try:
        with zipfile.ZipFile(archive) as opened:
            if (size_bytes := opened.getinfo(name).file_size) > _MAX_MEMBER_BYTES:
                raise CatalogueError(f"{name} in {archive} is too large ({size_bytes} bytes)")
            return opened.read(name)
    except KeyError as error:
        raise CatalogueError(f"{archive} does not contain {name}") from error
    except (zipfile.BadZipFile, NotImplementedError, RuntimeError) as error:
        raise CatalogueError(f"cannot read {archive} as a zip: {error}") from error
