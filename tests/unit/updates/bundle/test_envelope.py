import base64
import json

import pytest

from edged.errors import BundleError
from edged.updates.bundle.envelope import (
    MAX_ENVELOPE_BYTES,
    MAX_SIGNATURES,
    Envelope,
    Signature,
    decode_envelope,
    encode_envelope,
    merge_signatures,
    pae,
)

ENVELOPE = Envelope(
    b'{"a": 1}', "application/x", (Signature("k1", b"\x00\xff"), Signature("k2", b""))
)


def written(**changes: object) -> bytes:
    return json.dumps({**json.loads(encode_envelope(ENVELOPE)), **changes}).encode()


def test_what_is_written_is_read() -> None:
    assert decode_envelope(encode_envelope(ENVELOPE)) == ENVELOPE


def test_what_is_signed_is_what_dsse_specifies() -> None:
    # The example of the specification's protocol.md.
    assert pae("http://example.com/HelloWorld", b"hello world") == (
        b"DSSEv1 29 http://example.com/HelloWorld 11 hello world"
    )


def test_nothing_passes_from_type_to_payload() -> None:
    assert pae("a", b"1 b") != pae("a 1", b"b")


def test_lengths_are_those_of_bytes() -> None:
    assert pae("ä", b"") == "DSSEv1 2 ä 0 ".encode()


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"null",
        b"[]",
        b"\xff",
        b"[" * 100_000,
        written(more=1),
        written(payloadType=""),
        written(payloadType="a b"),
        written(payloadType="a\n"),
        written(payload=None),
        written(signatures=[{"sig": ""}]),
        written(signatures=[{"keyid": "", "sig": ""}]),
        written(signatures=[{"keyid": "k", "sig": "", "cert": ""}]),
    ],
)
def test_anything_else_is_refused(content: bytes) -> None:
    with pytest.raises(BundleError, match="the envelope cannot be read"):
        decode_envelope(content)


@pytest.mark.parametrize("text", ["YQ", "YQ==\n", " YQ==", "YR==", "Y-==", "Yé==", "YQ==YQ=="])
def test_one_content_has_one_base64(text: str) -> None:
    with pytest.raises(BundleError, match="base64"):
        decode_envelope(written(payload=text))
    with pytest.raises(BundleError, match="base64"):
        decode_envelope(written(signatures=[{"keyid": "k", "sig": text}]))


def test_too_large_is_refused_before_it_is_parsed() -> None:
    with pytest.raises(BundleError, match=f"{MAX_ENVELOPE_BYTES} are allowed"):
        decode_envelope(b"x" * (MAX_ENVELOPE_BYTES + 1))


def test_signatures_are_counted() -> None:
    one = {"keyid": "k", "sig": base64.b64encode(b"x" * 64).decode()}
    assert len(decode_envelope(written(signatures=[one] * MAX_SIGNATURES)).signatures) == 16
    with pytest.raises(BundleError):
        decode_envelope(written(signatures=[one] * (MAX_SIGNATURES + 1)))


def test_what_could_not_be_read_is_not_written() -> None:
    with pytest.raises(BundleError):
        encode_envelope(Envelope(b"", "", ()))


def test_a_new_signature_takes_the_place_of_the_same_keys() -> None:
    more = merge_signatures(ENVELOPE, [Signature("k1", b"new"), Signature("k3", b"3")])
    assert more.signatures == (Signature("k2", b""), Signature("k1", b"new"), Signature("k3", b"3"))
