"""The report of `edged bundle` on one bundle, as JSON or as lines of text."""

from collections.abc import Iterator
from pathlib import Path

from msgspec import Struct

from edged.cli.envelope_report import SignatureReport, format_signature, verify_signatures
from edged.cli.verbs import naming_file
from edged.host.files import LocalFileSystem
from edged.terminal.rows import format_rows
from edged.updates.bundle.bundle import open_unverified
from edged.updates.bundle.envelope import decode_envelope
from edged.updates.bundle.manifest import Manifest, Requirements
from edged.updates.bundle.trust import TrustFile

_FILES = LocalFileSystem()
_UNVERIFIED_NOTE = "no: the contents are untrusted; run `edged bundle verify`"


class BundleReport(Struct, frozen=True, kw_only=True):
    """The contents of a bundle.

    Attributes:
        file: path of the bundle.
        size_bytes: size of the bundle.
        verified: whether a device with the given trust file accepts the bundle.
        digest: sha256 of the manifest, which identifies the version.
        signatures: the signatures in the envelope.
        manifest: the manifest.
    """

    file: str
    size_bytes: int
    verified: bool
    digest: str
    signatures: tuple[SignatureReport, ...]
    manifest: Manifest


class BundleRejection(Struct, frozen=True, kw_only=True):
    """A bundle that a device does not accept.

    Attributes:
        file: path of the bundle.
        reason: why the device does not accept it.
        verified: False.
    """

    file: str
    reason: str
    verified: bool = False


def make_bundle_report(file: Path, *, trust: TrustFile | None = None) -> BundleReport:
    """Read a bundle and return a report of its contents.

    Args:
        file: the bundle.
        trust: the trust file with which the caller has verified the bundle; None without a verification.

    Raises:
        BundleError: the bundle is damaged.
        StoreError: the bundle cannot be read.
    """
    size = _FILES.size(file)
    with naming_file(file), _FILES.open(file) as opened:
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
    """Format a report as lines of text."""
    return format_rows(_rows(report))


def _rows(report: BundleReport) -> Iterator[tuple[str, str]]:
    yield "file", f"{report.file}, {report.size_bytes / 1e6:.1f} MB"
    yield "verified", "signatures, all files, goldens" if report.verified else _UNVERIFIED_NOTE
    manifest = report.manifest
    yield "bundle", f"{manifest.title}, counter {manifest.counter}, epoch {manifest.epoch}"
    yield "digest", report.digest
    yield from _signature_rows(report)
    yield from _manifest_rows(manifest)


def _signature_rows(report: BundleReport) -> Iterator[tuple[str, str]]:
    for one in report.signatures:
        text = format_signature(one) if report.verified else f"{one.key_id} (unverified)"
        yield "signed by", text
    if not report.signatures:
        yield "signed by", "no key yet; sign it with `edged bundle sign`"


def _manifest_rows(manifest: Manifest) -> Iterator[tuple[str, str]]:
    yield "licence", manifest.licence
    if manifest.provenance:
        yield "provenance", manifest.provenance
    yield "model", f"{manifest.family}, image input {manifest.input.width}x{manifest.input.height}"
    for variant in manifest.variants:
        yield "variant", f"{variant.kind}: {variant.model}, goldens in {variant.goldens}"
    yield from _requirement_rows(manifest.requirements)
    for entry in manifest.files:
        size = f"{entry.size_bytes:>9} bytes"
        yield "contains", f"{entry.name:<24} {size}, sha256 {entry.sha256[:12]}…"


def _requirement_rows(requirements: Requirements) -> Iterator[tuple[str, str]]:
    requirement_texts = {
        "edged": requirements.edged,
        "runtime": " or ".join(requirements.runtimes),
        "architecture": " or ".join(requirements.architectures),
        "board": " or ".join(requirements.boards),
        "libedgetpu": requirements.edgetpu_runtime,
        "disk": f"{requirements.free_bytes} bytes free" if requirements.free_bytes else "",
        "memory": f"{requirements.memory_mb} MiB" if requirements.memory_mb else "",
    }
    for name, text in requirement_texts.items():
        if text:
            yield "needs", f"{name} {text}"
