"""What `edged trust` says about a signed document, as JSON or as lines."""

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

from msgspec import Struct

from edged.errors import BundleError, TrustError
from edged.updates.bundle.envelope import Envelope, pae, read_envelope
from edged.updates.bundle.keys import PublicKey, verify
from edged.updates.bundle.trust import (
    DESIRED_PAYLOAD_TYPE,
    PAYLOAD_TYPE,
    ModelRole,
    Role,
    Trust,
    desired_payload,
    parse_trust,
    read_trust,
    successor,
)
from edged.updates.rules.desired import Desired, read_desired

_SHORT = 12


class SignatureReport(Struct, frozen=True, kw_only=True):
    """One signature.

    Attributes:
        key_id: which key is said to have made it.
        name: what people call this key.
        right: whether it has; None if the key is not known.
    """

    key_id: str
    name: str
    right: bool | None


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
    trust: Trust | None = None
    desired: Desired | None = None


def report_on(file: Path, content: bytes, *, by: Trust | None = None) -> EnvelopeReport:
    """Take a document apart, whether it is rightly signed or not.

    Args:
        file: where it is.
        content: of the file.
        by: the trust in force where it is to be taken; without it, a trust file is a device's first.

    Raises:
        BundleError: it is neither a trust file nor a desired state.
    """
    envelope = read_envelope(content)
    trust: Trust | None = None
    desired: Desired | None = None
    reason: str | None = None
    if envelope.payload_type == PAYLOAD_TYPE:
        trust = parse_trust(envelope.payload)
        reason = _refusal(lambda: successor(by, content) if by else read_trust(content))
    elif envelope.payload_type == DESIRED_PAYLOAD_TYPE:
        desired = read_desired(envelope.payload)
        reason = _refusal(lambda: desired_payload(by, content)) if by else None
    else:
        raise BundleError(
            f"{file} is neither a trust file nor a desired state: {envelope.payload_type}"
        )
    known = {**(by.keys if by else {}), **(trust.keys if trust else {})}
    return EnvelopeReport(
        file=str(file),
        signatures=tuple(signatures_on(envelope, known)),
        accepted=None if reason is None else not reason,
        reason=reason or "",
        trust=trust,
        desired=desired,
    )


def lines(report: EnvelopeReport) -> list[str]:
    """The same for people."""
    rows = [("file", report.file), *(_trust_rows(report.trust) if report.trust else ())]
    rows += _desired_rows(report.desired) if report.desired else ()
    rows += [("signed by", signature_line(one)) for one in report.signatures]
    if report.accepted is not None:
        rows.append(("accepted", "yes" if report.accepted else f"no: {report.reason}"))
    return [f"{key:<12} {value}" for key, value in rows]


def _refusal(take: Callable[[], object]) -> str:
    try:
        take()
    except TrustError as error:
        return str(error)
    return ""


def signatures_on(envelope: Envelope, keys: Mapping[str, PublicKey]) -> Iterator[SignatureReport]:
    """The signatures on an envelope, each verified if its key is among these."""
    message = pae(envelope.payload_type, envelope.payload)
    for one in envelope.signatures:
        key = keys.get(one.key_id)
        yield SignatureReport(
            key_id=one.key_id,
            name=key.name if key else "",
            right=verify(key, one.signature, message) if key else None,
        )


def _trust_rows(trust: Trust) -> Iterator[tuple[str, str]]:
    yield "trust file", f"version {trust.version}"
    if trust.description:
        yield "description", trust.description
    yield "root", _role(trust.root, trust)
    for role in trust.models:
        yield "models", f"{', '.join(role.names)}: {_role(role, trust)}"
    yield "channel", _role(trust.channel, trust) if trust.channel else "none"


def _desired_rows(desired: Desired) -> Iterator[tuple[str, str]]:
    yield "channel", f"{desired.channel}, sequence {desired.sequence}"
    yield "desired", f"{desired.title} {desired.digest}"
    for url in desired.urls:
        yield "from", url
    yield "renewed", f"within {desired.refresh_h:g} hours"


def _role(role: Role | ModelRole, trust: Trust) -> str:
    keys = ", ".join(f"{trust.keys[id_].name} {id_[:_SHORT]}".strip() for id_ in role.keys)
    return f"{role.threshold} of {keys}"


def signature_line(one: SignatureReport) -> str:
    """A signature in words."""
    verdict = {True: "", False: ": NOT RIGHT", None: ": unknown key"}[one.right]
    return f"{one.name} {one.key_id[:_SHORT]}".strip() + verdict
