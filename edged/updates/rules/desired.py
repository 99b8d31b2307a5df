"""The desired state: the model that an update channel wants its devices to run, in one signed message with a sequence number.

The message is retained, so that a device that reconnects receives the latest one; an attacker on the way can still withhold it, or
replay an old one. The sequence only rises, which exposes a replay. Silence exposes withholding: a channel promises how often it renews its
message under a new sequence. Time is the device's own, counted since it last received a new message; silence raises an alarm, and never
stops a model.

A desired state can only point to a bundle that a model role has signed: it names the digest, and where to fetch it.
"""

from typing import Annotated

import msgspec
from msgspec import Meta, Struct
from msgspec.structs import replace

from edged.errors import BundleError
from edged.redaction import display_url
from edged.updates.bundle.manifest import Digest, ModelName
from edged.updates.rules.ledger import DeploymentRequest, Ledger
from edged.updates.rules.source import find_source_problem

SCHEMA = "edged.desired/1"
MAX_DESIRED_BYTES = 16 << 10
_S_PER_H = 3600.0

Title = Annotated[
    str, Meta(pattern=r"^[a-z0-9][a-z0-9._-]{0,63}@[0-9A-Za-z][0-9A-Za-z.+_-]{0,63}\Z")
]
Url = Annotated[str, Meta(pattern=r"^https?://[!-~]{1,1000}\Z")]


class DesiredState(
    Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, tag_field="schema", tag=SCHEMA
):
    """The payload of a desired state.

    Attributes:
        channel: name of the channel, for people.
        sequence: rises with every message of the channel.
        title: ``name@version``, for people.
        digest: sha256 of the version's manifest.
        urls: URLs of the bundle, tried in turn.
        refresh_h: a message with a higher sequence, possibly for the same version, follows within this many hours.
    """

    channel: ModelName
    sequence: Annotated[int, Meta(ge=1, le=1 << 53)]
    title: Title
    digest: Digest
    urls: Annotated[tuple[Url, ...], Meta(min_length=1, max_length=8)]
    refresh_h: Annotated[float, Meta(gt=0, le=8760)] = 168.0


def decode_desired(payload: bytes) -> DesiredState:
    """Decode the payload of an envelope whose signatures have been verified.

    Raises:
        BundleError: it is too large or malformed, or has impossible values.
    """
    if len(payload) > MAX_DESIRED_BYTES:
        raise BundleError(
            f"the desired state takes {len(payload)} bytes; {MAX_DESIRED_BYTES} are allowed"
        )
    try:
        desired = msgspec.json.decode(payload, type=DesiredState)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise BundleError(f"the desired state cannot be read: {error}") from error
    for url in desired.urls:
        if problem := find_source_problem(url):
            raise BundleError(
                f"the desired state names {display_url(url)}, which is no source of bundles: {problem}"
            )
    return desired


def encode_desired(desired: DesiredState) -> bytes:
    """Encode the payload, to be signed; the same desired state always gives the same bytes.

    Raises:
        BundleError: `decode_desired` could not read it.
    """
    try:
        payload = msgspec.json.format(msgspec.json.encode(desired, order="deterministic"), indent=1)
    except UnicodeEncodeError as error:
        raise BundleError(f"the desired state cannot be written: {error}") from error
    decode_desired(payload)
    return payload


def derive_request(
    ledger: Ledger, desired: DesiredState, payload_sha256: str
) -> DeploymentRequest | None:
    """Return what to install for a message of the channel; record it with `record_followed` in the same write of the ledger.

    A message counts once: after a rollback by an operator, the same message does not install the version again. While another update is
    in flight, `edged.updates.rules.deployment.begin` refuses the request; nothing is recorded then, and the message is read again later.

    Args:
        ledger: the present ledger.
        desired: the message.
        payload_sha256: sha256 of its payload.

    Returns:
        None if there is nothing to install: the message is known, or its version is installed, in flight, or failed here before.

    Raises:
        BundleError: it is older than one that was followed, or differs from one with the same sequence number (TUF: replay, rollback).
    """
    if desired.sequence < ledger.sequence:
        raise BundleError(
            f"replayed: the desired state {desired.sequence} is older than {ledger.sequence}, which was followed here"
        )
    if desired.sequence == ledger.sequence:
        if payload_sha256 != ledger.desired_sha256:
            raise BundleError(f"replayed: there is another desired state {desired.sequence}")
        return None
    settled = {ledger.current, *ledger.denied}
    if ledger.deployment is not None:
        settled |= {ledger.deployment.digest, ledger.deployment.request.expected}
    if desired.digest in settled:
        return None
    source, *mirrors = desired.urls
    return DeploymentRequest(
        source=source,
        mirrors=tuple(mirrors),
        requested_by="channel",
        expected=desired.digest,
    )


def record_followed(ledger: Ledger, desired: DesiredState, payload_sha256: str) -> Ledger:
    """Record that the message was followed; no older one is accepted from then on.

    Args:
        ledger: the present ledger.
        desired: the message.
        payload_sha256: sha256 of its payload.
    """
    return replace(
        ledger,
        sequence=desired.sequence,
        desired_sha256=payload_sha256,
        refresh_h=desired.refresh_h,
    )


def is_stale(silence_s: float, *, stale_h: float, refresh_h: float = 0.0) -> bool:
    """Return whether the channel may be cut off (TUF: freeze).

    Args:
        silence_s: running time since the last new message, seconds.
        stale_h: the limit in the configuration, hours.
        refresh_h: the interval that the latest message promised, hours; 0 if there was none.
    """
    return silence_s > min(stale_h, refresh_h or stale_h) * _S_PER_H
