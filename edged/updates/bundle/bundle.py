"""Reads and writes bundles: an archive whose files are exactly those that its signed manifest lists.

The order is the protection: the envelope's bytes, its signatures, the manifest, the archive's headers, and each file's sha256
before its last bytes are handed on. Nothing is parsed that was not verified, but the envelope and the tar's headers, by which the way
there leads.
"""

import hashlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from edged.errors import BundleError, ModelError
from edged.host.files import FileSystem, LocalFileSystem
from edged.model.goldens import Goldens, read_goldens
from edged.updates.bundle.archive import (
    CHUNK_BYTES,
    ENVELOPE_NAME,
    ArchiveMember,
    iter_members,
    read_at,
    write_archive,
)
from edged.updates.bundle.envelope import decode_envelope
from edged.updates.bundle.manifest import (
    MIN_EMPTY_GOLDENS,
    MIN_GOLDENS,
    PAYLOAD_TYPE,
    FileEntry,
    Manifest,
    Variant,
    decode_manifest,
    digest_of,
)
from edged.updates.bundle.trust import TrustFile, verify_manifest_envelope


@dataclass(frozen=True, slots=True)
class Bundle:
    """An open bundle.

    Attributes:
        manifest: what it says of itself.
        digest: sha256 of the manifest's bytes: the version's identity.
        envelope: these bytes and their signatures, as they stand in the file.
        members: where the manifest's files are, by name; nothing else is there.
    """

    manifest: Manifest
    digest: str
    envelope: bytes
    members: Mapping[str, ArchiveMember]


def open_bundle(file: BinaryIO, size: int, trust: TrustFile) -> Bundle:
    """Verify a bundle's signatures, and see that it holds what its manifest lists; the files' content is for `content` to verify.

    Args:
        file: the bundle; it can seek.
        size: of it, bytes.
        trust: whose signatures count.

    Raises:
        BundleError: it is damaged, or not trusted.
        StoreError: it cannot be read.
    """
    return _open(file, size, lambda envelope: verify_manifest_envelope(trust, envelope))


def open_unverified(file: BinaryIO, size: int) -> Bundle:
    """The same, whoever has signed it, if anybody: for looking at a bundle, never for using it.

    Raises:
        BundleError: it is damaged.
        StoreError: it cannot be read.
    """
    return _open(file, size, read_unverified_payload)


def read_unverified_payload(envelope: bytes) -> bytes:
    """A manifest's bytes out of an envelope whose signatures nobody has looked at.

    Raises:
        BundleError: it is no envelope, or one of something else.
    """
    read = decode_envelope(envelope)
    if read.payload_type != PAYLOAD_TYPE:
        raise BundleError(f"the envelope holds {read.payload_type}, which is no bundle's manifest")
    return read.payload


def iter_verified_content(file: BinaryIO, bundle: Bundle, entry: FileEntry) -> Iterator[bytes]:
    """The content of one file, piece by piece; the last piece is given only when the sha256 of all is right.

    Raises:
        BundleError: the content is not the one that was signed.
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
    """Whether each variant has goldens that can be used: enough of them, of its model, with the pictures that they name.

    Args:
        manifest: of the bundle.
        read_file: gives the content of a file by its name, verified.

    Raises:
        BundleError: one has not.
    """
    for variant in manifest.variants:
        goldens = _decode_goldens(variant, read_file)
        _check_golden_count(variant, goldens)
        # An EdgeTPU model's are those of the model that it was compiled from: only that runs everywhere.
        is_own = goldens.model_sha256 == manifest.file(variant.model).sha256
        if variant.kind == "cpu" and not is_own:
            raise BundleError(f"{variant.goldens} is not of the model {variant.model}")
        listed = {file.name: file.sha256 for file in manifest.files}
        for golden in goldens.goldens:
            if listed.get(golden.picture) != golden.sha256:
                raise BundleError(
                    f"{variant.goldens} names {golden.picture}, which is not in the bundle as it says"
                )


def write_bundle(
    path: Path, envelope: bytes, sources: Mapping[str, Path], *, files: FileSystem | None = None
) -> None:
    """Write a bundle whole, or not at all; the same content always gives the same bytes.

    Args:
        path: of the bundle.
        envelope: the manifest, signed or not yet.
        sources: where the manifest's files are now, by their names in it.
        files: the disk.

    Raises:
        BundleError: the envelope is none, or a file is not what its manifest says.
        StoreError: something cannot be read or written.
    """
    files = files or LocalFileSystem()
    manifest = decode_manifest(read_unverified_payload(envelope))
    wanted = {entry.name for entry in manifest.files}
    if wanted != set(sources):
        raise BundleError(_describe_difference(wanted, set(sources)))
    entries = (
        (e.name, e.size_bytes, _iter_verified_source(files, sources[e.name], e))
        for e in manifest.files
    )
    write_archive(files, path, [(ENVELOPE_NAME, len(envelope), [envelope]), *entries])


def rewrite_envelope(path: Path, envelope: bytes, *, files: FileSystem | None = None) -> None:
    """Give a bundle another envelope around the same manifest: the file is written anew, whole or not at all.

    Raises:
        BundleError: it is damaged, or the envelope's manifest is another.
        StoreError: it cannot be read or written.
    """
    files = files or LocalFileSystem()
    with files.open(path) as file:
        bundle = open_unverified(file, files.size(path))
        if digest_of(read_unverified_payload(envelope)) != bundle.digest:
            raise BundleError(f"the envelope is not of {bundle.manifest.title}, which {path} holds")
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
    found: dict[str, ArchiveMember] = {}
    for member in members:
        if member.name not in listed:
            raise BundleError(f"the bundle holds {member.name}, which its manifest does not list")
        if member.size_bytes != listed[member.name]:
            raise BundleError(
                f"{member.name} takes {member.size_bytes} bytes in the bundle, and {listed[member.name]} by its manifest"
            )
        found[member.name] = member
    if len(found) < len(listed):
        raise BundleError(_describe_difference(set(listed), set(found)))
    return Bundle(manifest, digest_of(payload), envelope, found)


def _check_digest(found: str, entry: FileEntry) -> None:
    if found != entry.sha256:
        raise BundleError(
            f"{entry.name} is damaged, or not the file that was signed: its sha256 is {found[:12]}…, not {entry.sha256[:12]}…"
        )


def _describe_difference(expected: set[str], found: set[str]) -> str:
    missing, surplus = sorted(expected - found), sorted(found - expected)
    if missing:
        return f"the bundle lacks {', '.join(missing)}, which its manifest lists"
    return f"the manifest does not list {', '.join(surplus)}"


def _decode_goldens(variant: Variant, read_file: Callable[[str], bytes]) -> Goldens:
    try:
        return read_goldens(read_file(variant.goldens))
    except ModelError as error:
        raise BundleError(f"{variant.goldens}: {error}") from error


def _check_golden_count(variant: Variant, goldens: Goldens) -> None:
    pictures = {golden.picture for golden in goldens.goldens}
    empty = sum(not golden.detections for golden in goldens.goldens)
    if len(pictures) < MIN_GOLDENS or empty < MIN_EMPTY_GOLDENS:
        raise BundleError(
            f"{variant.goldens} has {len(pictures)} pictures, {empty} of them empty scenes; "
            f"{MIN_GOLDENS} and {MIN_EMPTY_GOLDENS} are the least"
        )


def _iter_verified_source(files: FileSystem, path: Path, entry: FileEntry) -> Iterator[bytes]:
    """A file's content, as long as it is what the manifest says."""
    so_far = hashlib.sha256()
    with files.open(path) as file:
        while chunk := file.read(CHUNK_BYTES):
            so_far.update(chunk)
            yield chunk
    if so_far.hexdigest() != entry.sha256:
        raise BundleError(f"{path} was changed while the bundle was made: make it again")
