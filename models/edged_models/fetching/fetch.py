"""From an entry of the catalogue to verified files in a folder."""

import hashlib
import os
import zipfile
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from msgspec import Struct

from edged.clock import Clock, SystemClock
from edged_models.errors import FetchError
from edged_models.fetching.catalogue import CatalogueEntry, CatalogueFile, ModelVariant
from edged_models.fetching.download import DownloadProgress, ModelDownload, RetryPolicy
from edged_models.files import write_bytes

_MAX_MEMBER_BYTES = 256 << 20
_SUFFIXES = {"cpu": ".tflite", "edgetpu": "_edgetpu.tflite", "labels": ".txt"}


class FetchedFile(Struct, frozen=True, kw_only=True):
    """A file that is here.

    Attributes:
        path: where.
        bytes: its size.
        downloaded: it was fetched now; false if it was here.
    """

    path: Path
    bytes: int
    downloaded: bool


@dataclass(frozen=True, kw_only=True)
class ModelFetcher:
    """Brings files into one folder.

    Attributes:
        folder: made if it is not there.
        retry_policy: with the net.
        clock: for the pauses.
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
        """The model's file, and its labels' if it has one.

        Args:
            entry: of the catalogue.
            variant: for which processor.
            progress: given a file's name, who is told of its bytes.

        Raises:
            FetchError: a file did not come from any of its addresses, or is not what it should be.
        """
        wanted = [(variant, entry.get_file(variant))]
        if entry.labels:
            wanted.append(("labels", entry.labels))
        fetched = []
        for kind, source in wanted:
            target = self.folder / f"{entry.name}{_SUFFIXES[kind]}"
            try:
                fetched.append(self._fetch_file(source, target, progress(target.name)))
            except OSError as error:
                if isinstance(error, FetchError):
                    raise
                raise FetchError(f"cannot write {target}: {error.strerror or error}") from error
        return tuple(fetched)

    def _fetch_file(
        self, source: CatalogueFile, target: Path, progress: DownloadProgress
    ) -> FetchedFile:
        if source.member is None:
            archive = target
        else:
            name = source.urls[0].partition("?")[0].rpartition("/")[2]
            archive = target.with_name(f"{source.sha256[:8]}-{name}")
        came = not _has_sha256(archive, source.sha256)
        if came:
            self.folder.mkdir(parents=True, exist_ok=True)
            self._download_from_any(source, archive, progress)
        if source.member is not None:
            write_bytes(target, _read_member(archive, source.member))
        return FetchedFile(path=target, bytes=target.stat().st_size, downloaded=came)

    def _download_from_any(
        self, source: CatalogueFile, target: Path, progress: DownloadProgress
    ) -> None:
        """From the first address that has it; what each of the others did is told if none has."""
        complaints = []
        for url in source.urls:
            try:
                self._download_from(url, source, target, progress)
            except FetchError as error:
                complaints.append(str(error))
            else:
                return
        raise FetchError("; ".join(complaints))

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
            # What was here may have been a part of something else.
            download.discard()
            download.run(progress)
        if not _has_sha256(part, source.sha256):
            size_bytes = part.stat().st_size
            download.discard()
            raise FetchError(
                f"{url}: what came ({size_bytes} bytes) is not what the catalogue means: "
                "its sha256 differs; it was removed"
            )
        with part.open("rb") as whole:
            os.fsync(whole.fileno())
        part.replace(target)
        download.discard()


def _has_sha256(path: Path, sha256: str) -> bool:
    if not path.is_file():
        return False
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest() == sha256


def _read_member(archive: Path, name: str) -> bytes:
    try:
        with zipfile.ZipFile(archive) as opened:
            if (size_bytes := opened.getinfo(name).file_size) > _MAX_MEMBER_BYTES:
                raise FetchError(f"{name} in {archive} is too large ({size_bytes} bytes)")
            return opened.read(name)
    except KeyError as error:
        raise FetchError(f"{archive} has no {name} in it") from error
    except (zipfile.BadZipFile, NotImplementedError, RuntimeError) as error:
        raise FetchError(f"cannot read {archive} as a zip: {error}") from error
