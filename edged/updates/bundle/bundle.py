"""Reads and writes bundles: archives whose files are exactly those that the signed manifest lists.

The order protects: first the envelope's signatures, then the manifest, then the archive's headers, and the sha256 of each file before its
last bytes are passed on. Only the envelope and the tar headers are parsed before they are verified: nothing can be verified without them.
"""

import hashlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from edged.errors import BundleError, ModelError
from edged.host.files import FileSystem, LocalFileSystem
from edged.model.goldens import read_goldens
from edged.updates.bundle.archive import (
    CHUNK_BYTES,
    ENVELOPE_NAME,
    ArchiveMember,
    iter_members,
    read_at,
    write_archive,
)
from edged.updates.bundle.envelope import decode_envelope
from edged.updates.bundle.golden_rules import check_golden_count
from edged.updates.bundle.manifest import (
    PAYLOAD_TYPE,
    FileEntry,
    Manifest,
    decode_manifest,
    digest_of,
)
from edged.updates.bundle.trust import TrustFile, verify_manifest_envelope


@dataclass(frozen=True, slots=True)
class Bundle:
    """An open bundle.

    Attributes:
        manifest: its manifest.
        digest: sha256 of the manifest's bytes, the identity of the version.
        envelope: the manifest's bytes and their signatures, as they are in the file.
        members: the positions of the manifest's files, by name; the archive has no others.
    """

    manifest: Manifest
    digest: str
    envelope: bytes
    members: Mapping[str, ArchiveMember]


def open_bundle(file: BinaryIO, size: int, trust: TrustFile) -> Bundle:
    """Verify a bundle's signatures, and that it has the files that its manifest lists; `iter_verified_content` verifies their content.

    Args:
        file: the bundle, seekable.
        size: its size, bytes.
        trust: the trust file in force.

    Raises:
        BundleError: it is damaged, or not trusted.
        StoreError: it cannot be read.
    """
    return _open(file, size, lambda envelope: verify_manifest_envelope(trust, envelope))


def open_unverified(file: BinaryIO, size: int) -> Bundle:
    """Open a bundle without verifying its signatures: to inspect it, never to use it.

    Raises:
        BundleError: it is damaged.
        StoreError: it cannot be read.
    """
    return _open(file, size, read_unverified_payload)


def read_unverified_payload(envelope: bytes) -> bytes:
    """Return the manifest's bytes from an envelope without verifying signatures.

    Raises:
        BundleError: it is not an envelope, or not one of a manifest.
    """
    opened = decode_envelope(envelope)
    if opened.payload_type != PAYLOAD_TYPE:
        raise BundleError(f"the envelope holds {opened.payload_type}, not a bundle's manifest")
    return opened.payload


def iter_verified_content(file: BinaryIO, bundle: Bundle, entry: FileEntry) -> Iterator[bytes]:
    """Yield the content of one file in pieces; the last one only if the sha256 of the whole is right.

    Args:
        file: the bundle, seekable.
        bundle: opened from it.
        entry: the file's entry in the manifest.

    Raises:
        BundleError: the content is not the signed one.
        StoreError: it cannot be read.
    """
    member = bundle.members[entry.name]
    so_far = hashlib.sha256()
    for start in range(0, entry.size_bytes, CHUNK_BYTES):
        chunk = read_at(file, member.offset + start, min(CHUNK_BYTES, entry.size_bytes - start))
        so_far.update(chunk)
        if start + len(chunk) == entry.size_bytes:
            _check_digest(so_far.hexdigest(), entry)
        yield chunk
    if not entry.size_bytes:
        _check_digest(so_far.hexdigest(), entry)


def check_goldens(manifest: Manifest, read_file: Callable[[str], bytes]) -> None:
    """Check that each variant has usable goldens: enough of them, made with its model, and with all their pictures.

    Args:
        manifest: manifest of the bundle.
        read_file: returns the verified content of a file by its name.

    Raises:
        BundleError: a variant has not.
    """
    for variant in manifest.variants:
        try:
            goldens = read_goldens(read_file(variant.goldens))
        except ModelError as error:
            raise BundleError(f"{variant.goldens}: {error}") from error
        check_golden_count(variant.goldens, goldens, manifest.family)
        # The goldens of an EdgeTPU model were made with the model from which it was compiled, because only that runs everywhere.
        is_own = goldens.model_sha256 == manifest.file(variant.model).sha256
        if variant.kind == "cpu" and not is_own:
            raise BundleError(f"{variant.goldens} was not made with the model {variant.model}")
        listed = {file.name: file.sha256 for file in manifest.files}
        for golden in goldens.goldens:
            if listed.get(golden.picture) != golden.sha256:
                raise BundleError(
                    f"{variant.goldens} names {golden.picture}, which is missing in the bundle or has another content"
                )


def write_bundle(
    path: Path, envelope: bytes, sources: Mapping[str, Path], *, files: FileSystem | None = None
) -> None:
    """Write a bundle completely, or not at all; the same content always gives the same bytes.

    Args:
        path: path of the bundle.
        envelope: envelope of the manifest, signed or not yet.
        sources: the paths of the manifest's files, by their names in it.
        files: the disk; None for that of this host.

    Raises:
        BundleError: the envelope is malformed, or a file does not agree with the manifest.
        StoreError: a file cannot be read or written.
    """
    files = files or LocalFileSystem()
    manifest = decode_manifest(read_unverified_payload(envelope))
    listed = {entry.name for entry in manifest.files}
    if listed != set(sources):
        raise BundleError(_describe_difference(listed, set(sources)))
    entries = (
        (e.name, e.size_bytes, _iter_verified_source(files, sources[e.name], e))
        for e in manifest.files
    )
    write_archive(files, path, [(ENVELOPE_NAME, len(envelope), [envelope]), *entries])


def rewrite_envelope(path: Path, envelope: bytes, *, files: FileSystem | None = None) -> None:
    """Rewrite a bundle with another envelope for its manifest, completely or not at all.

    Args:
        path: path of the bundle.
        envelope: the new envelope.
        files: the disk; None for that of this host.

    Raises:
        BundleError: the bundle is damaged, or the envelope has another manifest.
        StoreError: it cannot be read or written.
    """
    files = files or LocalFileSystem()
    with files.open(path) as file:
        bundle = open_unverified(file, files.size(path))
        if digest_of(read_unverified_payload(envelope)) != bundle.digest:
            raise BundleError(
                f"the envelope is not of {bundle.manifest.title}, the version in {path}"
            )
        entries = (
            (e.name, e.size_bytes, iter_verified_content(file, bundle, e))
            for e in bundle.manifest.files
        )
        write_archive(files, path, [(ENVELOPE_NAME, len(envelope), [envelope]), *entries])


def _open(file: BinaryIO, size: int, extract_payload: Callable[[bytes], bytes]) -> Bundle:
    members = iter_members(file, size)
    first = next(members)
    envelope = read_at(file, first.offset, first.size_bytes)
    payload = extract_payload(envelope)
    manifest = decode_manifest(payload)
    listed = {entry.name: entry.size_bytes for entry in manifest.files}
    present: dict[str, ArchiveMember] = {}
    for member in members:
        if member.name not in listed:
            raise BundleError(f"the bundle holds {member.name}, which its manifest does not list")
        if member.size_bytes != listed[member.name]:
            raise BundleError(
                f"{member.name} has {member.size_bytes} bytes in the bundle, and {listed[member.name]} in its manifest"
            )
        present[member.name] = member
    if len(present) < len(listed):
        raise BundleError(_describe_difference(set(listed), set(present)))
    return Bundle(manifest, digest_of(payload), envelope, present)


def _check_digest(sha256: str, entry: FileEntry) -> None:
    if sha256 != entry.sha256:
        raise BundleError(
            f"{entry.name} is damaged, or not the file that was signed: its sha256 is {sha256[:12]}…, not {entry.sha256[:12]}…"
        )


def _describe_difference(expected: set[str], present: set[str]) -> str:
    missing, surplus = sorted(expected - present), sorted(present - expected)
    if missing:
        return f"the bundle lacks {', '.join(missing)}, which its manifest lists"
    return f"the manifest does not list {', '.join(surplus)}"


def _iter_verified_source(files: FileSystem, path: Path, entry: FileEntry) -> Iterator[bytes]:
    """Yield the content of a file in pieces, and check at the end that it agrees with the manifest."""
    so_far = hashlib.sha256()
    with files.open(path) as file:
        while chunk := file.read(CHUNK_BYTES):
            so_far.update(chunk)
            yield chunk
    if so_far.hexdigest() != entry.sha256:
        raise BundleError(f"{path} changed while the bundle was made: make it again")
