"""What `edged bundle` says about a bundle, as JSON or as lines."""

from collections.abc import Iterator
from pathlib import Path

from msgspec import Struct

from edged.cli.envelope_report import SignatureReport, signature_line, signatures_on
from edged.host.files import LocalFiles
from edged.updates.bundle.bundle import open_unverified
from edged.updates.bundle.envelope import read_envelope
from edged.updates.bundle.manifest import Manifest, Requirements
from edged.updates.bundle.trust import Trust

_FILES = LocalFiles()
_UNVERIFIED = "NOTHING: anybody can have written this; `edged bundle verify` tells"


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


class Refused(Struct, frozen=True, kw_only=True):
    """A bundle that a device would not believe, and why."""

    file: str
    reason: str
    verified: bool = False


def report_on(file: Path, *, by: Trust | None = None) -> BundleReport:
    """Say what a bundle is.

    Args:
        file: the bundle.
        by: the trust by which it has been verified; None if it has not.

    Raises:
        BundleError: it is damaged.
        StoreError: it cannot be read.
    """
    size = _FILES.size(file)
    with _FILES.open(file) as opened:
        bundle = open_unverified(opened, size)
    signatures = signatures_on(read_envelope(bundle.envelope), by.keys if by else {})
    return BundleReport(
        file=str(file),
        size_bytes=size,
        verified=by is not None,
        digest=bundle.digest,
        signatures=tuple(signatures),
        manifest=bundle.manifest,
    )


def lines(report: BundleReport) -> list[str]:
    """The same for people."""
    return [f"{key:<12} {value}" for key, value in _rows(report)]


def _rows(report: BundleReport) -> Iterator[tuple[str, str]]:
    manifest = report.manifest
    yield "file", f"{report.file}, {report.size_bytes / 1e6:.1f} MB"
    verdict = "signatures, all files, goldens" if report.verified else _UNVERIFIED
    yield "verified", verdict
    yield "bundle", f"{manifest.title}, counter {manifest.counter}, epoch {manifest.epoch}"
    yield "digest", report.digest
    for one in report.signatures:
        yield "signed by", signature_line(one) if report.verified else f"{one.key_id}, it says"
    if not report.signatures:
        yield "signed by", "nobody yet: `edged bundle sign` signs it"
    yield "licence", manifest.licence
    if manifest.provenance:
        yield "provenance", manifest.provenance
    yield "model", f"{manifest.family}, fed with {manifest.input.width}x{manifest.input.height}"
    for variant in manifest.variants:
        yield "variant", f"{variant.kind}: {variant.model}, goldens in {variant.goldens}"
    yield from _requirements(manifest.requirements)
    for entry in manifest.files:
        yield "holds", f"{entry.name:<24} {entry.size_bytes:>9} bytes, sha256 {entry.sha256[:12]}…"


def _requirements(wanted: Requirements) -> Iterator[tuple[str, str]]:
    said = {
        "edged": wanted.edged,
        "runtime": " or ".join(wanted.runtimes),
        "architecture": " or ".join(wanted.architectures),
        "board": " or ".join(wanted.boards),
        "libedgetpu": wanted.edgetpu_runtime,
        "disk": f"{wanted.free_bytes} bytes more" if wanted.free_bytes else "",
        "memory": f"{wanted.memory_mb} MiB" if wanted.memory_mb else "",
    }
    for what, value in said.items():
        if value:
            yield "needs", f"{what} {value}"
