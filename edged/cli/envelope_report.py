"""The report of `edged trust` on a signed document, as JSON or as lines of text."""

from collections.abc import Iterator, Mapping
from pathlib import Path

from msgspec import Struct

from edged.cli.verbs import naming_file
from edged.errors import BundleError, TrustError
from edged.terminal.rows import format_rows
from edged.updates.bundle.envelope import Envelope, decode_envelope, pae
from edged.updates.bundle.keys import PublicKey, verify
from edged.updates.bundle.trust import (
    DESIRED_PAYLOAD_TYPE,
    PAYLOAD_TYPE,
    ModelRole,
    Role,
    TrustFile,
    decode_trust_file,
    verify_desired_envelope,
    verify_successor,
    verify_trust_file,
)
from edged.updates.rules.desired import DesiredState, decode_desired

_SHORT_ID_LENGTH = 12


class SignatureReport(Struct, frozen=True, kw_only=True):
    """One signature of an envelope.

    Attributes:
        key_id: ID of the key, as the envelope has it.
        name: name of the key; "" if the key is not known.
        valid: whether the signature is valid; None if the key is not known.
    """

    key_id: str
    name: str
    valid: bool | None


class EnvelopeReport(Struct, frozen=True, kw_only=True):
    """The contents of a trust file or a desired state.

    Attributes:
        file: path of the document.
        signatures: the signatures in the envelope.
        accepted: whether a device accepts the document; None for a desired state without a trust file.
        reason: why the device does not accept it; "" if it does.
        trust: the trust file; None for a desired state.
        desired: the desired state; None for a trust file.
    """

    file: str
    signatures: tuple[SignatureReport, ...]
    accepted: bool | None
    reason: str
    trust: TrustFile | None = None
    desired: DesiredState | None = None


def make_envelope_report(
    file: Path, content: bytes, *, current_trust: TrustFile | None = None
) -> EnvelopeReport:
    """Read a document, with valid signatures or without, and return a report of its contents.

    Args:
        file: path of the document, for the report.
        content: content of the file.
        current_trust: the trust file in force on the device; without it, a trust file is checked as a device's first one.

    Raises:
        BundleError: the document is neither a trust file nor a desired state.
    """
    with naming_file(file):
        envelope = decode_envelope(content)
        trust, desired = _decode_payload(file, envelope)
    accepted, reason = _check_acceptance(content, current_trust, is_trust_file=trust is not None)
    keys = {**(current_trust.keys if current_trust else {}), **(trust.keys if trust else {})}
    return EnvelopeReport(
        file=str(file),
        signatures=tuple(verify_signatures(envelope, keys)),
        accepted=accepted,
        reason=reason,
        trust=trust,
        desired=desired,
    )


def _decode_payload(file: Path, envelope: Envelope) -> tuple[TrustFile | None, DesiredState | None]:
    if envelope.payload_type == PAYLOAD_TYPE:
        return decode_trust_file(envelope.payload), None
    if envelope.payload_type == DESIRED_PAYLOAD_TYPE:
        return None, decode_desired(envelope.payload)
    raise BundleError(
        f"{file} is neither a trust file nor a desired state: {envelope.payload_type}"
    )


def format_envelope_report(report: EnvelopeReport) -> list[str]:
    """Format a report as lines of text."""
    rows = [("file", report.file), *(_trust_rows(report.trust) if report.trust else ())]
    rows += _desired_rows(report.desired) if report.desired else ()
    rows += [("signed by", format_signature(one)) for one in report.signatures]
    if report.accepted is not None:
        rows.append(("accepted", "yes" if report.accepted else f"no: {report.reason}"))
    return format_rows(rows)


def format_signature(signature: SignatureReport) -> str:
    """Format a signature as name and ID of its key, and the result if it is not valid."""
    result = {True: "", False: ": INVALID", None: ": unknown key"}[signature.valid]
    return f"{signature.name} {signature.key_id[:_SHORT_ID_LENGTH]}".strip() + result


def verify_signatures(
    envelope: Envelope, keys: Mapping[str, PublicKey]
) -> Iterator[SignatureReport]:
    """Yield a report on each signature of an envelope; one whose key is not in `keys` is not verified."""
    message = pae(envelope.payload_type, envelope.payload)
    for one in envelope.signatures:
        key = keys.get(one.key_id)
        yield SignatureReport(
            key_id=one.key_id,
            name=key.name if key else "",
            valid=verify(key, one.signature, message) if key else None,
        )


def _check_acceptance(
    content: bytes, current_trust: TrustFile | None, *, is_trust_file: bool
) -> tuple[bool | None, str]:
    """Return whether a device accepts a document, and why not; None if no trust file can decide it."""
    if current_trust is None and not is_trust_file:
        return None, ""
    try:
        if current_trust is None:
            verify_trust_file(content)
        elif is_trust_file:
            verify_successor(current_trust, content)
        else:
            verify_desired_envelope(current_trust, content)
    except TrustError as error:
        return False, str(error)
    return True, ""


def _trust_rows(trust: TrustFile) -> Iterator[tuple[str, str]]:
    yield "trust file", f"version {trust.version}"
    if trust.description:
        yield "description", trust.description
    yield "root", _format_role(trust.root, trust)
    for role in trust.models:
        yield "models", f"{', '.join(role.names)}: {_format_role(role, trust)}"
    yield "channel", _format_role(trust.channel, trust) if trust.channel else "none"


def _desired_rows(desired: DesiredState) -> Iterator[tuple[str, str]]:
    yield "channel", f"{desired.channel}, sequence {desired.sequence}"
    yield "desired", f"{desired.title} {desired.digest}"
    for url in desired.urls:
        yield "url", url
    yield "refresh", f"every {desired.refresh_h:g} hours"


def _format_role(role: Role | ModelRole, trust: TrustFile) -> str:
    keys = ", ".join(
        f"{trust.keys[id_].name} {id_[:_SHORT_ID_LENGTH]}".strip() for id_ in role.keys
    )
    return f"{role.threshold} of {keys}"
