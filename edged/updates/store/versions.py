"""A version of a model on the disk: a folder that bears the digest of its manifest, from which every other file in it is known.

What is loaded is always what was once verified: signatures are looked at when a bundle comes in, digests at every load.
"""

import hashlib
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from edged.errors import BundleError
from edged.host.files import FileSystem
from edged.updates.bundle.envelope import MAX_ENVELOPE_BYTES, decode_envelope
from edged.updates.bundle.manifest import FileEntry, Manifest, decode_manifest, digest_of

VERSIONS_NAME = "versions"
ENVELOPE_NAME = "envelope.json"
_CHUNK_BYTES = 1 << 20
_DIGEST = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True, slots=True)
class InstalledVersion:
    """A version whose every file is as its manifest says.

    Attributes:
        digest: of the manifest.
        manifest: what it says.
        folder: where the files are.
    """

    digest: str
    manifest: Manifest
    folder: Path

    def model_file(self, kind: Literal["cpu", "edgetpu"]) -> Path | None:
        """The .tflite of that variant; None if there is no such variant."""
        variant = self.manifest.variant(kind)
        return self.folder / variant.model if variant else None

    def goldens_file(self, kind: Literal["cpu", "edgetpu"]) -> Path | None:
        """Its goldens; the pictures that they name are beside them."""
        variant = self.manifest.variant(kind)
        return self.folder / variant.goldens if variant else None


def is_digest(name: str) -> bool:
    """Whether a folder of that name can be a version."""
    return _DIGEST.fullmatch(name) is not None


def read_version(files: FileSystem, folder: Path, digest: str) -> InstalledVersion:
    """Read every byte of it.

    Raises:
        BundleError: it is not there, or damaged.
        StoreError: it cannot be read.
    """
    manifest = read_version_manifest(files, folder, digest)
    for entry in manifest.files:
        _check_file(files, folder / entry.name, entry)
    return InstalledVersion(digest, manifest, folder)


def read_version_manifest(files: FileSystem, folder: Path, digest: str) -> Manifest:
    """What the version says of itself, without a look at its files.

    Raises:
        BundleError: it is not there, or damaged.
        StoreError: it cannot be read.
    """
    path = folder / ENVELOPE_NAME
    if not files.exists(path):
        raise BundleError(f"{path} is missing")
    if files.size(path) > MAX_ENVELOPE_BYTES:
        raise BundleError(f"{path} is damaged: it is too large")
    return decode_manifest_envelope(files.read(path, MAX_ENVELOPE_BYTES), digest)


def decode_manifest_envelope(envelope: bytes, digest: str) -> Manifest:
    """The manifest in an envelope, if it is the one with this digest.

    Raises:
        BundleError: it is another, or damaged.
    """
    payload = decode_envelope(envelope).payload
    found = digest_of(payload)
    if found != digest:
        raise BundleError(f"the manifest of version {digest[:12]} is damaged: it is {found[:12]}")
    return decode_manifest(payload)


def _check_file(files: FileSystem, path: Path, entry: FileEntry) -> None:
    if not files.exists(path):
        raise BundleError(f"{path} is missing")
    size = files.size(path)
    if size != entry.size_bytes:
        raise BundleError(
            f"{path} is damaged: it has {size} bytes, {entry.size_bytes} are announced"
        )
    sha256 = hashlib.sha256()
    with files.open(path) as file:
        while chunk := file.read(_CHUNK_BYTES):
            sha256.update(chunk)
    if sha256.hexdigest() != entry.sha256:
        raise BundleError(f"{path} is damaged: its sha256 is not the one that is announced")
