"""A version of a model on the disk: a folder named by the digest of its manifest, which lists every other file in it.

Signatures are verified when a bundle is installed, and digests whenever a version is read in full, so every loaded model has passed
signature verification.
"""

import hashlib
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from edged.errors import BundleError
from edged.host.files import FileSystem, write_new_file
from edged.updates.bundle.envelope import MAX_ENVELOPE_BYTES, decode_envelope
from edged.updates.bundle.manifest import FileEntry, Manifest, decode_manifest, digest_of

VERSIONS_NAME = "versions"
ENVELOPE_NAME = "envelope.json"
_CHUNK_BYTES = 1 << 20
_DIGEST = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True, slots=True)
class InstalledVersion:
    """A version whose files all agree with its manifest.

    Attributes:
        digest: sha256 of the manifest.
        manifest: its manifest.
        folder: the folder with its files.
    """

    digest: str
    manifest: Manifest
    folder: Path

    def model_file(self, kind: Literal["cpu", "edgetpu"]) -> Path | None:
        """Return the .tflite file of a variant; None if there is no such variant."""
        variant = self.manifest.variant(kind)
        return self.folder / variant.model if variant else None

    def goldens_file(self, kind: Literal["cpu", "edgetpu"]) -> Path | None:
        """Return the goldens of a variant, with their pictures beside them; None if there is no such variant."""
        variant = self.manifest.variant(kind)
        return self.folder / variant.goldens if variant else None


def is_digest(name: str) -> bool:
    """Return whether a folder of that name can be a version."""
    return _DIGEST.fullmatch(name) is not None


def read_version(files: FileSystem, folder: Path, digest: str) -> InstalledVersion:
    """Read a version, and compare every byte of it with its manifest.

    Args:
        files: the disk.
        folder: the version's folder.
        digest: the digest that its manifest must have.

    Raises:
        BundleError: it is missing or damaged.
        StoreError: it cannot be read.
    """
    manifest = read_version_manifest(files, folder, digest)
    for entry in manifest.files:
        _check_file(files, folder / entry.name, entry)
    return InstalledVersion(digest, manifest, folder)


def read_version_manifest(files: FileSystem, folder: Path, digest: str) -> Manifest:
    """Read the manifest of a version, without checking its other files.

    Args:
        files: the disk.
        folder: the version's folder.
        digest: the digest that its manifest must have.

    Raises:
        BundleError: it is missing or damaged.
        StoreError: it cannot be read.
    """
    path = folder / ENVELOPE_NAME
    if not files.exists(path):
        raise BundleError(f"{path} is missing")
    if files.size(path) > MAX_ENVELOPE_BYTES:
        raise BundleError(f"{path} is damaged: it is too large")
    return _decode_manifest_envelope(files.read(path, MAX_ENVELOPE_BYTES), digest)


def write_version(
    files: FileSystem,
    folder: Path,
    digest: str,
    *,
    envelope: bytes,
    contents: Iterable[tuple[str, Iterator[bytes]]],
) -> None:
    """Write a version into a new folder, and verify it; it is durable when this returns, except for the folder's name.

    Args:
        files: the disk.
        folder: the folder; it does not exist yet.
        digest: digest of the manifest in the envelope.
        envelope: envelope of the bundle.
        contents: the files of the manifest, by name.

    Raises:
        BundleError: the contents are not those of the manifest.
        StoreError: it cannot be written.
    """
    manifest = _decode_manifest_envelope(envelope, digest)
    expected_names = {entry.name for entry in manifest.files} - {ENVELOPE_NAME}
    files.make_folder(folder)
    write_new_file(files, folder / ENVELOPE_NAME, [envelope])
    for name, chunks in contents:
        if name not in expected_names:
            raise BundleError(f"{name} is not a file of version {digest[:12]}")
        write_new_file(files, folder / name, chunks)
    read_version(files, folder, digest)
    files.sync_folder(folder)


def _decode_manifest_envelope(envelope: bytes, digest: str) -> Manifest:
    payload = decode_envelope(envelope).payload
    actual = digest_of(payload)
    if actual != digest:
        raise BundleError(
            f"the manifest of version {digest[:12]} is damaged: its digest is {actual[:12]}"
        )
    return decode_manifest(payload)


def _check_file(files: FileSystem, path: Path, entry: FileEntry) -> None:
    if not files.exists(path):
        raise BundleError(f"{path} is missing")
    size = files.size(path)
    if size != entry.size_bytes:
        raise BundleError(
            f"{path} is damaged: it has {size} bytes, and its manifest lists {entry.size_bytes}"
        )
    sha256 = hashlib.sha256()
    with files.open(path) as file:
        while chunk := file.read(_CHUNK_BYTES):
            sha256.update(chunk)
    if sha256.hexdigest() != entry.sha256:
        raise BundleError(f"{path} is damaged: its sha256 differs from the one in its manifest")
