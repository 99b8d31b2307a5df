"""What `edged trust` says about a signed document, as JSON or as lines."""

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

from msgspec import Struct

from edged.errors import BundleError, TrustError
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
    """One signature.

    Attributes:
        key_id: which key is said to have made it.
        name: what people call this key.
        valid: whether it has; None if the key is not known.
    """

    key_id: str
    name: str
    valid: bool | None


class EnvelopeReport(Struct, frozen=True, kw_only=True):
    """A trust file or a desired state.

    Attributes:
        file: where it is.
        signatures: on it.
        accepted: whether a device would take it; None if nobody was named who could say.
        reason: why not; "" if it would.
        trust: what it says.
        desired: what it says.
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
    """Take a document apart, whether it is rightly signed or not.

    Args:
        file: where it is.
        content: of the file.
        current_trust: the trust in force where it is to be taken; without it, a trust file is a device's first.

    Raises:
        BundleError: it is neither a trust file nor a desired state.
    """
    envelope = decode_envelope(content)
    trust: TrustFile | None = None
    desired: DesiredState | None = None
    reason: str | None = None
    if envelope.payload_type == PAYLOAD_TYPE:
        trust = decode_trust_file(envelope.payload)
        reason = _rejection_reason(
            lambda: (
                verify_successor(current_trust, content)
                if current_trust
                else verify_trust_file(content)
            )
        )
    elif envelope.payload_type == DESIRED_PAYLOAD_TYPE:
        desired = decode_desired(envelope.payload)
        reason = (
            _rejection_reason(lambda: verify_desired_envelope(current_trust, content))
            if current_trust
            else None
        )
    else:
        raise BundleError(
            f"{file} is neither a trust file nor a desired state: {envelope.payload_type}"
        )
    known = {**(current_trust.keys if current_trust else {}), **(trust.keys if trust else {})}
    return EnvelopeReport(
        file=str(file),
        signatures=tuple(verify_signatures(envelope, known)),
        accepted=None if reason is None else not reason,
        reason=reason or "",
        trust=trust,
        desired=desired,
    )


def format_envelope_report(report: EnvelopeReport) -> list[str]:
    """The same for people."""
    rows = [("file", report.file), *(_trust_rows(report.trust) if report.trust else ())]
    rows += _desired_rows(report.desired) if report.desired else ()
    rows += [("signed by", format_signature(one)) for one in report.signatures]
    if report.accepted is not None:
        rows.append(("accepted", "yes" if report.accepted else f"no: {report.reason}"))
    return [f"{key:<12} {value}" for key, value in rows]


def _rejection_reason(check: Callable[[], object]) -> str:
    try:
        check()
    except TrustError as error:
        return str(error)
    return ""


def verify_signatures(
    envelope: Envelope, keys: Mapping[str, PublicKey]
) -> Iterator[SignatureReport]:
    """The signatures on an envelope, each verified if its key is among these."""
    message = pae(envelope.payload_type, envelope.payload)
    for one in envelope.signatures:
        key = keys.get(one.key_id)
        yield SignatureReport(
            key_id=one.key_id,
            name=key.name if key else "",
            valid=verify(key, one.signature, message) if key else None,
        )


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
        yield "from", url
    yield "renewed", f"within {desired.refresh_h:g} hours"


def _format_role(role: Role | ModelRole, trust: TrustFile) -> str:
    keys = ", ".join(
        f"{trust.keys[id_].name} {id_[:_SHORT_ID_LENGTH]}".strip() for id_ in role.keys
    )
    return f"{role.threshold} of {keys}"


def format_signature(signature: SignatureReport) -> str:
    """A signature in words."""
    verdict = {True: "", False: ": NOT RIGHT", None: ": unknown key"}[signature.valid]
    return f"{signature.name} {signature.key_id[:_SHORT_ID_LENGTH]}".strip() + verdict
