"""What `edged bundle` says about a bundle, as JSON or as lines."""

from collections.abc import Iterator
from pathlib import Path

from msgspec import Struct

from edged.cli.envelope_report import SignatureReport, format_signature, verify_signatures
from edged.host.files import LocalFileSystem
from edged.updates.bundle.bundle import open_unverified
from edged.updates.bundle.envelope import decode_envelope
from edged.updates.bundle.manifest import Manifest, Requirements
from edged.updates.bundle.trust import TrustFile

_FILES = LocalFileSystem()
_UNVERIFIED_NOTE = "NOTHING: anybody can have written this; `edged bundle verify` tells"


class BundleReport(Struct, frozen=True, kw_only=True):
    """A bundle.

    Attributes:
        file: where it is.
        size_bytes: of it.
        verified: whether a device with this trust would believe it.
        digest: its version's identity.
        signatures: on it.
        manifest: what it says of itself.
    """

    file: str
    size_bytes: int
    verified: bool
    digest: str
    signatures: tuple[SignatureReport, ...]
    manifest: Manifest


class BundleRejection(Struct, frozen=True, kw_only=True):
    """A bundle that a device would not believe, and why."""

    file: str
    reason: str
    verified: bool = False


def make_bundle_report(file: Path, *, trust: TrustFile | None = None) -> BundleReport:
    """Say what a bundle is.

    Args:
        file: the bundle.
        trust: the trust by which it has been verified; None if it has not.

    Raises:
        BundleError: it is damaged.
        StoreError: it cannot be read.
    """
    size = _FILES.size(file)
    with _FILES.open(file) as opened:
        bundle = open_unverified(opened, size)
    signatures = verify_signatures(decode_envelope(bundle.envelope), trust.keys if trust else {})
    return BundleReport(
        file=str(file),
        size_bytes=size,
        verified=trust is not None,
        digest=bundle.digest,
        signatures=tuple(signatures),
        manifest=bundle.manifest,
    )


def format_bundle_report(report: BundleReport) -> list[str]:
    """The same for people."""
    return [f"{key:<12} {value}" for key, value in _rows(report)]


def _rows(report: BundleReport) -> Iterator[tuple[str, str]]:
    manifest = report.manifest
    yield "file", f"{report.file}, {report.size_bytes / 1e6:.1f} MB"
    verdict = "signatures, all files, goldens" if report.verified else _UNVERIFIED_NOTE
    yield "verified", verdict
    yield "bundle", f"{manifest.title}, counter {manifest.counter}, epoch {manifest.epoch}"
    yield "digest", report.digest
    for one in report.signatures:
        yield "signed by", format_signature(one) if report.verified else f"{one.key_id}, it says"
    if not report.signatures:
        yield "signed by", "nobody yet: `edged bundle sign` signs it"
    yield "licence", manifest.licence
    if manifest.provenance:
        yield "provenance", manifest.provenance
    yield "model", f"{manifest.family}, fed with {manifest.input.width}x{manifest.input.height}"
    for variant in manifest.variants:
        yield "variant", f"{variant.kind}: {variant.model}, goldens in {variant.goldens}"
    yield from _requirement_rows(manifest.requirements)
    for entry in manifest.files:
        yield "holds", f"{entry.name:<24} {entry.size_bytes:>9} bytes, sha256 {entry.sha256[:12]}…"


def _requirement_rows(requirements: Requirements) -> Iterator[tuple[str, str]]:
    said = {
        "edged": requirements.edged,
        "runtime": " or ".join(requirements.runtimes),
        "architecture": " or ".join(requirements.architectures),
        "board": " or ".join(requirements.boards),
        "libedgetpu": requirements.edgetpu_runtime,
        "disk": f"{requirements.free_bytes} bytes more" if requirements.free_bytes else "",
        "memory": f"{requirements.memory_mb} MiB" if requirements.memory_mb else "",
    }
    for what, value in said.items():
        if value:
            yield "needs", f"{what} {value}"
