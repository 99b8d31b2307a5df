"""The trust file, and the verification of signed documents with it. Pure.

A trust file gives keys to roles. The *root* role may change the trust file; each *model* role may sign bundles of models whose names
match its patterns; the *channel* role may choose which of them a device runs. A document is signed by a role when as many of its keys as
its threshold have signed it: fewer stolen keys have no effect. No role implies another: root signs no bundle, and the channel can only
point to a bundle that a model role has signed.

The first trust file is provisioned on the device (``[updates] trust``). It must be signed by its own root, which protects from a mistake,
not from an attacker who can write there. Version N + 1 must be signed by the root of version N, which makes it legitimate, and by its own
root, which proves that these keys work. Keys are rotated and revoked in this way: with a file that lists other keys, signed by both. The
version rises by one each time; a device that was offline for long installs each version in turn.

Time plays no part. A Raspberry Pi has no clock that survives a power cut, and an attacker between it and its time server could set the
clock: expired signatures would let him stop every device's updates, and a clock that is set back would revive revoked keys. Numbers that
only rise prevent a return of the old: the version of the trust file, the `epoch` and `counter` of a manifest
(`edged.updates.rules.compatibility`), and the sequence of a desired state (`edged.updates.rules.desired`). A channel that is silent for
long raises an alarm, and nothing else.

A payload is decoded only after its signatures have been verified.
"""

import fnmatch
from collections.abc import Mapping
from typing import Annotated

import msgspec
from msgspec import Meta, Struct
from msgspec.structs import replace

from edged.errors import BundleError, TrustError
from edged.updates.bundle import manifest as manifests
from edged.updates.bundle.envelope import Envelope, decode_envelope, pae
from edged.updates.bundle.keys import PublicKey, verify
from edged.updates.bundle.manifest import Digest, ShortText, decode_manifest

SCHEMA = "edged.trust/1"
PAYLOAD_TYPE = "application/vnd.edged.trust+json"
DESIRED_PAYLOAD_TYPE = "application/vnd.edged.desired+json"
MAX_KEYS = 64
LOCAL_NAMES = "local-*"
"""The names of models that a device makes for itself."""

Threshold = Annotated[int, Meta(ge=1, le=MAX_KEYS)]
KeyIds = Annotated[tuple[Digest, ...], Meta(min_length=1, max_length=MAX_KEYS)]
Pattern = Annotated[str, Meta(pattern=r"^[a-z0-9*?._-]{1,64}\Z")]


class Role(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A role: a threshold of keys.

    Attributes:
        keys: ids of its keys.
        threshold: how many of them must sign.
    """

    keys: KeyIds
    threshold: Threshold = 1


class ModelRole(Role, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A role that may sign models of certain names.

    Attributes:
        names: patterns; ``*`` matches any text, ``?`` any character.
    """

    names: Annotated[tuple[Pattern, ...], Meta(min_length=1, max_length=MAX_KEYS)]

    def covers(self, name: str) -> bool:
        """Return whether this role may sign models of that name."""
        return any(fnmatch.fnmatchcase(name, pattern) for pattern in self.names)


class TrustFile(
    Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, tag_field="schema", tag=SCHEMA
):
    """A trust file.

    Attributes:
        version: rises by one with every change.
        keys: the keys, by id.
        root: the role that may change this file.
        models: the roles that may sign models.
        channel: the role that may sign desired states; None if there is none.
        description: for people.
    """

    version: Annotated[int, Meta(ge=1, le=1 << 53)]
    keys: Annotated[dict[Digest, PublicKey], Meta(min_length=1, max_length=MAX_KEYS)]
    root: Role
    models: Annotated[tuple[ModelRole, ...], Meta(min_length=1, max_length=MAX_KEYS)]
    channel: Role | None = None
    description: ShortText = ""


def verify_trust_file(envelope: bytes) -> TrustFile:
    """Verify a trust file with its own root, and return it.

    Raises:
        BundleError: it cannot be read, or is inconsistent.
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
    """Verify the next version of a trust file, and return it.

    Raises:
        TrustError: the root in force or its own root has not signed it, or it is not the next version.
        BundleError: it cannot be read, or is inconsistent.
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
            f"trust file {following.version} cannot follow {trust.version}: versions rise one by one"
        )
    return following


def add_local_key(trust: TrustFile, key: PublicKey) -> TrustFile:
    """Return a trust file that also accepts bundles that this device's own key has signed, if their names match `LOCAL_NAMES`."""
    role = ModelRole(keys=(key.id,), names=(LOCAL_NAMES,))
    return replace(trust, keys={**trust.keys, key.id: key}, models=(*trust.models, role))


def verify_manifest_envelope(trust: TrustFile, envelope: bytes) -> bytes:
    """Verify that a model role that covers its name has signed a bundle's manifest, and return the manifest's bytes.

    Raises:
        TrustError: no such role has signed it.
        BundleError: it cannot be read.
    """
    opened = _decode_typed_envelope(envelope, manifests.PAYLOAD_TYPE, "a bundle's manifest")
    signers = _find_valid_signers(trust.keys, opened)
    signed_by = tuple(role for role in trust.models if _meets_threshold(role, signers))
    if not signed_by:
        best = max(
            trust.models, key=lambda role: len(signers.intersection(role.keys)) - role.threshold
        )
        _require_threshold(best, signers, "a role for models")
    name = decode_manifest(opened.payload).name
    if not any(role.covers(name) for role in signed_by):
        patterns = ", ".join(pattern for role in signed_by for pattern in role.names)
        raise TrustError(
            f"the role that signed the bundle may sign models named {patterns}, not {name}"
        )
    return opened.payload


def verify_desired_envelope(trust: TrustFile, envelope: bytes) -> bytes:
    """Verify that the channel role has signed a desired state, and return its bytes.

    Raises:
        TrustError: it has not signed it.
        BundleError: it cannot be read.
    """
    opened = _decode_typed_envelope(envelope, DESIRED_PAYLOAD_TYPE, "a desired state")
    if trust.channel is None:
        raise TrustError(
            f"trust file {trust.version} has no channel role: no desired state is accepted"
        )
    _require_threshold(trust.channel, _find_valid_signers(trust.keys, opened), "the channel role")
    return opened.payload


def decode_trust_file(payload: bytes) -> TrustFile:
    """Decode a trust file's payload without verifying signatures.

    Raises:
        BundleError: it is malformed or inconsistent.
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
    """Encode the payload, to be signed; the same trust file always gives the same bytes.

    Raises:
        BundleError: `decode_trust_file` could not read it.
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
    """Decode an envelope of this type; the type is signed as well, so that a signature for one purpose is invalid for any other."""
    opened = decode_envelope(envelope)
    if opened.payload_type != payload_type:
        raise TrustError(f"this is not {what}, but {opened.payload_type}")
    return opened


def _find_valid_signers(keys: Mapping[str, PublicKey], envelope: Envelope) -> frozenset[str]:
    """Return the ids of the keys with a valid signature; invalid signatures are ignored."""
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
