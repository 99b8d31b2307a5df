"""The pull path: what a channel wants its devices to run, in one signed message with a sequence number.

The message is retained, so that a device that comes back finds the latest; whoever stands between can still keep it back, or send an
old one again. The sequence only goes up, so that an old one is known for what it is; one that was kept back is noticed by the quiet:
a channel promises how often it is renewed, under a new sequence. Time is the device's own, counted since it last heard something new;
quiet raises an alarm, and never stops a model.

A message can only point to a bundle that a model role has signed: it names the digest, and where to get it.
"""

from typing import Annotated

import msgspec
from msgspec import Meta, Struct
from msgspec.structs import replace

from edged.errors import BundleError
from edged.updates.bundle.manifest import Digest, ModelName
from edged.updates.rules.ledger import DeploymentRequest, Ledger

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
    """What is to run.

    Attributes:
        channel: its name, for people.
        sequence: goes up with every message of the channel.
        title: ``name@version``, for people.
        digest: of the version's manifest.
        urls: where the bundle is; they are tried in turn.
        refresh_h: a message with a higher sequence, be it for the same version, follows within so many hours.
    """

    channel: ModelName
    sequence: Annotated[int, Meta(ge=1, le=1 << 53)]
    title: Title
    digest: Digest
    urls: Annotated[tuple[Url, ...], Meta(min_length=1, max_length=8)]
    refresh_h: Annotated[float, Meta(gt=0, le=8760)] = 168.0


def decode_desired(payload: bytes) -> DesiredState:
    """Read the envelope's payload, after its signatures have been verified.

    Raises:
        BundleError: it is too large, has another form, or impossible values.
    """
    if len(payload) > MAX_DESIRED_BYTES:
        raise BundleError(
            f"the desired state takes {len(payload)} bytes; {MAX_DESIRED_BYTES} are allowed"
        )
    try:
        return msgspec.json.decode(payload, type=DesiredState)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise BundleError(f"the desired state cannot be read: {error}") from error


def encode_desired(desired: DesiredState) -> bytes:
    """The payload, to be signed; the same desired state always gives the same bytes.

    Raises:
        BundleError: `read_desired` would not read it.
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
    """What is to be done about a message of the channel; it is to be `noted` in the same record as that.

    A message counts once: who goes back by hand is not overruled by the same message, however often it comes. If another update is in
    flight, `edged.updates.rules.deployment.begin` refuses the request, so that nothing is noted, and the message has its turn later.

    Returns:
        What to install; None if there is nothing to do: it is known, installed, on its way, or failed here before.

    Raises:
        BundleError: it is older than one that was followed, or another of the same sequence (TUF: replay, rollback).
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
    """The message was followed: nothing older is from now on."""
    return replace(
        ledger,
        sequence=desired.sequence,
        desired_sha256=payload_sha256,
        refresh_h=desired.refresh_h,
    )


def is_stale(silence_s: float, *, stale_h: float, refresh_h: float = 0.0) -> bool:
    """Whether the channel may have been cut off (TUF: freeze).

    Args:
        silence_s: running time since something new was heard.
        stale_h: what the device's operator allows.
        refresh_h: what the latest message promised, which may be less; 0 if there was none.
    """
    return silence_s > min(stale_h, refresh_h or stale_h) * _S_PER_H
