"""DSSE v1 envelopes: a payload as bytes, with signatures over these bytes. The payload is decoded only after they have been verified.

https://github.com/secure-systems-lab/dsse/blob/master/envelope.md, with restrictions: standard base64 only, every signature names
its key, and there are no other fields.
"""

import base64
import binascii
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated

import msgspec
from msgspec import Meta, Struct, field

from edged.errors import BundleError
from edged.text import to_utf8

MAX_ENVELOPE_BYTES = 256 << 10
MAX_SIGNATURES = 16

_Base64 = Annotated[str, Meta(max_length=MAX_ENVELOPE_BYTES)]
_KeyId = Annotated[str, Meta(min_length=1, max_length=200)]
_PayloadType = Annotated[str, Meta(pattern=r"^[!-~]{1,200}\Z")]


@dataclass(frozen=True, slots=True)
class Signature:
    """One signature, not verified.

    Attributes:
        key_id: the id of the key that is said to have made it.
        signature: its bytes.
    """

    key_id: str
    signature: bytes


@dataclass(frozen=True, slots=True)
class Envelope:
    """A payload and its signatures, not verified.

    Attributes:
        payload: the signed bytes.
        payload_type: their media type, which is signed as well.
        signatures: the signatures.
    """

    payload: bytes
    payload_type: str
    signatures: tuple[Signature, ...]


class _DsseSignature(Struct, frozen=True, forbid_unknown_fields=True):
    keyid: _KeyId
    sig: _Base64


class _DsseEnvelope(Struct, frozen=True, forbid_unknown_fields=True):
    payload: _Base64
    payload_type: _PayloadType = field(name="payloadType")
    signatures: Annotated[tuple[_DsseSignature, ...], Meta(max_length=MAX_SIGNATURES)]


def decode_envelope(content: bytes) -> Envelope:
    """Decode an envelope, but not its payload.

    Raises:
        BundleError: it is too large, or not an envelope.
    """
    if len(content) > MAX_ENVELOPE_BYTES:
        raise BundleError(
            f"the envelope takes {len(content)} bytes; {MAX_ENVELOPE_BYTES} are allowed"
        )
    try:
        envelope = msgspec.json.decode(to_utf8(content), type=_DsseEnvelope)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise BundleError(f"the envelope cannot be read: {error}") from error
    signatures = tuple(Signature(one.keyid, _decode_base64(one.sig)) for one in envelope.signatures)
    return Envelope(_decode_base64(envelope.payload), envelope.payload_type, signatures)


def encode_envelope(envelope: Envelope) -> bytes:
    """Encode an envelope such that `decode_envelope` can read it.

    Raises:
        BundleError: it could not.
    """
    signatures = tuple(
        _DsseSignature(one.key_id, _encode_base64(one.signature)) for one in envelope.signatures
    )
    encodable = _DsseEnvelope(_encode_base64(envelope.payload), envelope.payload_type, signatures)
    content = msgspec.json.encode(encodable)
    decode_envelope(content)
    return content


def pae(payload_type: str, payload: bytes) -> bytes:
    """Return the bytes to sign (pre-authentication encoding): type and payload, each after its length, so that their border is unambiguous."""
    type_ = payload_type.encode()
    return b"DSSEv1 %d %b %d %b" % (len(type_), type_, len(payload), payload)


def merge_signatures(envelope: Envelope, signatures: Sequence[Signature]) -> Envelope:
    """Return the envelope with more signatures; a signature replaces one by the same key."""
    new = {one.key_id for one in signatures}
    kept = tuple(one for one in envelope.signatures if one.key_id not in new)
    return Envelope(envelope.payload, envelope.payload_type, (*kept, *signatures))


def _encode_base64(content: bytes) -> str:
    return base64.b64encode(content).decode()


def _decode_base64(text: str) -> bytes:
    """Decode base64 strictly, so that a content has one text only: no other alphabet, no white space, no stray bits in the last letter."""
    try:
        content = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError) as error:
        raise BundleError(f"the envelope cannot be read: bad base64: {error}") from error
    if _encode_base64(content) != text:
        raise BundleError("the envelope cannot be read: bad base64: stray bits")
    return content
