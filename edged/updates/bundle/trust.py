"""Whom a device believes: the trust file, and what is verified by it.

A trust file gives keys to roles. The *root* role says who may change the trust file; each *model* role who may sign bundles of models
whose names match its patterns; the *channel* role who may say which of them a device is to run. A role speaks when as many of its
keys as its threshold have signed: one key that was stolen below that says nothing. No role is implied by another: root signs no bundle,
and the channel can only point to one that a model role has signed.

The first trust file comes with the device (``[updates] trust``); it must be signed by its own root, which guards against a mistake,
not against who can write there. From then on, version N + 1 must be signed by the root of N, so that it is meant, and by its own root,
so that these keys exist and work. That is how keys are rotated and revoked: a file with other keys, signed by both. Versions go up one by
one; a device that was away for long takes each of them in turn.

Time plays no part. A Raspberry Pi has no clock that outlives a power cut, and an attacker between it and its time server could set
it: a signature that ran out would let him stop every device's updates, or, turned back, revive what was revoked. What keeps the old from
coming back are numbers that only go up: the trust file's version, the `epoch` and `counter` of a manifest
(`edged.updates.rules.deployment`), the sequence of a desired state (`edged.updates.rules.desired`). A channel that has gone quiet raises an alarm, and no more.

The payload is looked into only after its signatures were found to be right. Rules, without I/O.
"""

import fnmatch
from collections.abc import Mapping
from typing import Annotated

import msgspec
from msgspec import Meta, Struct

from edged.errors import BundleError, TrustError
from edged.updates.bundle import manifest as manifests
from edged.updates.bundle.envelope import Envelope, decode_envelope, pae
from edged.updates.bundle.keys import PublicKey, verify
from edged.updates.bundle.manifest import Digest, ShortText, decode_manifest

SCHEMA = "edged.trust/1"
PAYLOAD_TYPE = "application/vnd.edged.trust+json"
DESIRED_PAYLOAD_TYPE = "application/vnd.edged.desired+json"
MAX_KEYS = 64

Threshold = Annotated[int, Meta(ge=1, le=MAX_KEYS)]
KeyIds = Annotated[tuple[Digest, ...], Meta(min_length=1, max_length=MAX_KEYS)]
Pattern = Annotated[str, Meta(pattern=r"^[a-z0-9*?._-]{1,64}\Z")]


class Role(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """So many of these keys must sign.

    Attributes:
        keys: their ids.
        threshold: how many of them.
    """

    keys: KeyIds
    threshold: Threshold = 1


class ModelRole(Role, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Who may sign models of these names.

    Attributes:
        names: patterns: ``*`` is any text, ``?`` any letter.
    """

    names: Annotated[tuple[Pattern, ...], Meta(min_length=1, max_length=MAX_KEYS)]

    def covers(self, name: str) -> bool:
        """Whether this role is for models of that name."""
        return any(fnmatch.fnmatchcase(name, pattern) for pattern in self.names)


class TrustFile(
    Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, tag_field="schema", tag=SCHEMA
):
    """A trust file, as far as this module's functions return it: verified.

    Attributes:
        version: goes up by one with every change.
        keys: by their ids.
        root: who may change this file.
        models: who may sign which models.
        channel: who may sign desired states; nobody if None.
        description: for people.
    """

    version: Annotated[int, Meta(ge=1, le=1 << 53)]
    keys: Annotated[dict[Digest, PublicKey], Meta(min_length=1, max_length=MAX_KEYS)]
    root: Role
    models: Annotated[tuple[ModelRole, ...], Meta(min_length=1, max_length=MAX_KEYS)]
    channel: Role | None = None
    description: ShortText = ""


def verify_trust_file(envelope: bytes) -> TrustFile:
    """The trust file that comes with the device.

    Raises:
        BundleError: it cannot be read, or contradicts itself.
        TrustError: its own root has not signed it.
    """
    opened = _decode_typed_envelope(envelope, PAYLOAD_TYPE, "a trust file")
    trust = decode_trust_file(opened.payload)
    _require_threshold(
        trust.root,
        _find_valid_signers(trust.keys, opened),
        f"its own root (trust file {trust.version})",
    )
    return trust


def verify_successor(trust: TrustFile, envelope: bytes) -> TrustFile:
    """The next version of the trust file.

    Raises:
        TrustError: the root in force or its own has not signed it, or it is not the version that comes next.
        BundleError: it cannot be read, or contradicts itself.
    """
    opened = _decode_typed_envelope(envelope, PAYLOAD_TYPE, "a trust file")
    _require_threshold(
        trust.root,
        _find_valid_signers(trust.keys, opened),
        f"the root of trust file {trust.version}",
    )
    following = verify_trust_file(envelope)
    if following.version != trust.version + 1:
        raise TrustError(
            f"trust file {following.version} cannot follow {trust.version}: versions go up one by one"
        )
    return following


def verify_manifest_envelope(trust: TrustFile, envelope: bytes) -> bytes:
    """The manifest that a bundle's envelope holds, once a model role has signed it that covers its name.

    Raises:
        TrustError: none has.
        BundleError: it cannot be read.
    """
    opened = _decode_typed_envelope(envelope, manifests.PAYLOAD_TYPE, "a bundle's manifest")
    signers = _find_valid_signers(trust.keys, opened)
    speaking = tuple(role for role in trust.models if _meets_threshold(role, signers))
    if not speaking:
        best = max(
            trust.models, key=lambda role: len(signers.intersection(role.keys)) - role.threshold
        )
        _require_threshold(best, signers, "a role for models")
    name = decode_manifest(opened.payload).name
    if not any(role.covers(name) for role in speaking):
        patterns = ", ".join(pattern for role in speaking for pattern in role.names)
        raise TrustError(f"who signed the bundle may sign models named {patterns}, not {name}")
    return opened.payload


def verify_desired_envelope(trust: TrustFile, envelope: bytes) -> bytes:
    """The desired state that an envelope holds, once the channel role has signed it.

    Raises:
        TrustError: it has not.
        BundleError: it cannot be read.
    """
    opened = _decode_typed_envelope(envelope, DESIRED_PAYLOAD_TYPE, "a desired state")
    if trust.channel is None:
        raise TrustError(
            f"trust file {trust.version} has no channel role: no desired state is taken"
        )
    _require_threshold(trust.channel, _find_valid_signers(trust.keys, opened), "the channel role")
    return opened.payload


def decode_trust_file(payload: bytes) -> TrustFile:
    """Read a trust file's payload, whoever signed it.

    Raises:
        BundleError: it has another form, or contradicts itself.
    """
    try:
        trust = msgspec.json.decode(payload, type=TrustFile)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise BundleError(f"the trust file cannot be read: {error}") from error
    for id_, key in trust.keys.items():
        if id_ != key.id:
            raise BundleError(f"the trust file lists key {key.id[:12]} as {id_[:12]}")
    roles = (trust.root, *trust.models, *((trust.channel,) if trust.channel else ()))
    for role in roles:
        _check_role(role, trust.keys)
    return trust


def encode_trust_file(trust: TrustFile) -> bytes:
    """The payload, to be signed; the same trust always gives the same bytes.

    Raises:
        BundleError: `parse_trust` would not read it.
    """
    try:
        payload = msgspec.json.format(msgspec.json.encode(trust, order="deterministic"), indent=1)
    except UnicodeEncodeError as error:
        raise BundleError(f"the trust file cannot be written: {error}") from error
    decode_trust_file(payload)
    return payload


def _check_role(role: Role, keys: Mapping[str, PublicKey]) -> None:
    if len(set(role.keys)) < len(role.keys):
        raise BundleError("the trust file lists a key twice in one role")
    unknown = [id_ for id_ in role.keys if id_ not in keys]
    if unknown:
        raise BundleError(f"the trust file has no key {unknown[0][:12]}, which a role names")
    if role.threshold > len(role.keys):
        raise BundleError(
            f"the trust file wants {role.threshold} of {len(role.keys)} keys to sign for a role"
        )


def _decode_typed_envelope(envelope: bytes, payload_type: str, what: str) -> Envelope:
    """The type is part of what was signed: a signature for one purpose counts for no other."""
    opened = decode_envelope(envelope)
    if opened.payload_type != payload_type:
        raise TrustError(f"this is not {what}, but {opened.payload_type}")
    return opened


def _find_valid_signers(keys: Mapping[str, PublicKey], envelope: Envelope) -> frozenset[str]:
    """The keys with a right signature; a wrong one takes nothing away from the others."""
    message = pae(envelope.payload_type, envelope.payload)
    return frozenset(
        one.key_id
        for one in envelope.signatures
        if one.key_id in keys and verify(keys[one.key_id], one.signature, message)
    )


def _meets_threshold(role: Role, signers: frozenset[str]) -> bool:
    return len(signers.intersection(role.keys)) >= role.threshold


def _require_threshold(role: Role, signers: frozenset[str], role_name: str) -> None:
    if not _meets_threshold(role, signers):
        signed = len(signers.intersection(role.keys))
        raise TrustError(f"{role_name} must sign with {role.threshold} keys; {signed} did")
