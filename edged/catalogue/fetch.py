"""Fetching the files of a catalogue entry into a folder, verified by their digests."""

import hashlib
import os
import zipfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from msgspec import Struct

from edged.catalogue.catalogue import CatalogueEntry, CatalogueFile, ModelVariant
from edged.catalogue.download import DownloadProgress, ModelDownload
from edged.catalogue.origin import find_addresses, original_name
from edged.clock import Clock, SystemClock
from edged.errors import CatalogueError
from edged.host.files import LocalFileSystem, replace_file
from edged.redaction import display_url

_MAX_MEMBER_BYTES = 256 << 20
_ELSEWHERE = "to take it from elsewhere: --from FILE, or --from URL of a mirror"
_SUFFIXES = {"cpu": ".tflite", "edgetpu": "_edgetpu.tflite", "labels": ".txt"}


class FetchedFile(Struct, frozen=True, kw_only=True):
    """A verified file in the folder.

    Attributes:
        path: path of the file.
        bytes: size of the file.
        sha256: hexadecimal digest of the file.
        downloaded: true if it was made now; false if it was already present.
    """

    path: Path
    bytes: int
    sha256: str
    downloaded: bool


@dataclass(frozen=True, kw_only=True)
class ModelFetcher:
    """Fetches models into one folder.

    Attributes:
        folder: target folder; created if missing.
        origin: one file or a mirror, as `edged.catalogue.origin.parse_origin` returns it; None for the addresses in the catalogue.
        clock: measures the pauses between attempts.
    """

    folder: Path
    origin: str | None = None
    clock: Clock = field(default_factory=SystemClock)

    def fetch(
        self,
        entry: CatalogueEntry,
        variant: ModelVariant,
        progress: Callable[[str], DownloadProgress],
        *,
        label_list: Sequence[str] = (),
    ) -> tuple[FetchedFile, ...]:
        """Fetch the model file, and the file of class names if there is one.

        Args:
            entry: the model in the catalogue.
            variant: the variant to fetch.
            progress: called with each file's name; returns the callback for its progress.
            label_list: the class names of a model of which no file has them: they are written into one.

        Raises:
            CatalogueError: the variant does not exist, no address gives the right file, or it cannot be written.
        """
        wanted: list[tuple[str, CatalogueFile]] = [(variant, entry.get_file(variant))]
        if entry.labels:
            wanted.append(("labels", entry.labels))
        files = []
        for kind, source in wanted:
            target = self.folder / f"{entry.name}{_SUFFIXES[kind]}"
            addresses = find_addresses(source, self.origin, is_model=kind == variant)
            transfer = _FileTransfer(source, target, addresses, self.clock)
            files.append(transfer.run(progress(target.name)))
        if label_list:
            files.append(_write_labels(self.folder / f"{entry.name}.txt", label_list))
        return tuple(files)


@dataclass(frozen=True)
class _FileTransfer:
    """One file of a catalogue entry on its way into the folder."""

    source: CatalogueFile
    target: Path
    addresses: tuple[str, ...]
    clock: Clock

    def run(self, progress: DownloadProgress) -> FetchedFile:
        """Make sure that the file is in the folder.

        Raises:
            CatalogueError: no address gives the right file, or it cannot be written.
        """
        try:
            return self._fetch_or_reuse(progress)
        except OSError as error:
            reason = str(error) if error.strerror is None else error.strerror
            raise CatalogueError(f"cannot write {self.target}: {reason}") from error

    def _fetch_or_reuse(self, progress: DownloadProgress) -> FetchedFile:
        source, target = self.source, self.target
        if source.member is None:
            archive = target
        else:
            archive = target.with_name(f"{source.sha256[:8]}-{original_name(source.urls[0])}")
        is_missing = not _has_sha256(archive, source.sha256)
        if is_missing:
            self.target.parent.mkdir(parents=True, exist_ok=True)
            self._download_from_any(archive, progress)
        if source.member is None:
            return _describe(target, is_new=is_missing)
        is_new = _replace_if_different(target, _read_member(archive, source.member))
        return _describe(target, is_new=is_new)

    def _download_from_any(self, target: Path, progress: DownloadProgress) -> None:
        """Download from the first address that works; if none does, raise the errors of all."""
        errors = []
        for url in self.addresses:
            try:
                self._download_from(url, target, progress)
            except CatalogueError as error:
                errors.append(str(error))
            else:
                return
        if self.addresses == self.source.urls:
            errors.append(_ELSEWHERE)
        raise CatalogueError("; ".join(errors))

    def _download_from(self, url: str, target: Path, progress: DownloadProgress) -> None:
        part = target.with_name(f".{target.name}.part")
        download = ModelDownload(url, part, size_bytes=self.source.bytes, clock=self.clock)
        if download.run(progress) and not _has_sha256(part, self.source.sha256):
            # The part of an earlier run may have been of another file.
            download.discard()
            download.run(progress)
        if not _has_sha256(part, self.source.sha256):
            size_bytes = part.stat().st_size
            download.discard()
            raise CatalogueError(
                f"{display_url(url)}: the download ({size_bytes} bytes) is not the file in the catalogue: its sha256 differs; it was removed: get it from another source"
            )
        _move_durably(part, target)
        download.discard()


def _describe(path: Path, *, is_new: bool) -> FetchedFile:
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    return FetchedFile(path=path, bytes=path.stat().st_size, sha256=digest, downloaded=is_new)


def _write_labels(target: Path, labels: Sequence[str]) -> FetchedFile:
    try:
        is_new = _replace_if_different(target, "".join(f"{label}\n" for label in labels).encode())
        return _describe(target, is_new=is_new)
    except OSError as error:
        raise CatalogueError(f"cannot write {target}: {error}") from error


def _replace_if_different(path: Path, content: bytes) -> bool:
    """Replace a file durably; return whether it had another content."""
    if path.is_file() and path.read_bytes() == content:
        return False
    replace_file(LocalFileSystem(), path, content)
    return True


def _move_durably(part: Path, target: Path) -> None:
    with part.open("rb") as file:
        os.fsync(file.fileno())
    part.replace(target)
    LocalFileSystem().sync_folder(target.parent)


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
