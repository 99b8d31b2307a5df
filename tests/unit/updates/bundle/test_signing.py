import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from securesystemslib.dsse import Envelope as TheirEnvelope
from securesystemslib.signer import CryptoSigner, SSlibKey

from edged.errors import BundleError, UpdateError
from edged.updates.bundle import signing
from edged.updates.bundle.envelope import decode_envelope, pae
from edged.updates.bundle.keys import PublicKey, decode_public_key, verify
from support.bundles import SigningKey, sign

ALICE = SigningKey("alice")
P256 = CryptoSigner.generate_ecdsa()


def public_pem(signer: CryptoSigner) -> bytes:
    return signer._private_key.public_key().public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    )


def signed_by(key: PublicKey, envelope: bytes) -> bool:
    read = decode_envelope(envelope)
    message = pae(read.payload_type, read.payload)
    return any(
        one.key_id == key.id and verify(key, one.signature, message) for one in read.signatures
    )


@pytest.mark.parametrize("make", [CryptoSigner.generate_ed25519, CryptoSigner.generate_ecdsa])
def test_key_ids_pems_and_signatures_are_those_of_securesystemslib(
    make: Callable[[], CryptoSigner],
) -> None:
    signer = make()
    key = decode_public_key(public_pem(signer), name="k")
    assert key.id == signer.public_key.keyid
    assert key.pem.encode() == public_pem(signer)
    signature = bytes.fromhex(signer.sign(b"message").signature)
    assert verify(key, signature, b"message")
    assert not verify(key, signature, b"massage")
    assert not verify(key, signature[:-1], b"message")
    assert not verify(key, b"", b"message")


def test_an_envelope_of_ours_passes_their_verification() -> None:
    theirs = TheirEnvelope.from_dict(json.loads(sign("text/x", b"payload", ALICE)))
    key = SSlibKey(ALICE.id, "ed25519", "ed25519", {"public": ALICE.public.public})
    assert list(theirs.verify([key], 1)) == [ALICE.id]


@pytest.mark.parametrize(
    "pem",
    [
        b"",
        b"\xff",
        b"-----BEGIN PUBLIC KEY-----\n!\n-----END PUBLIC KEY-----\n",
        b"-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----\n",
        public_pem(CryptoSigner.generate_ecdsa(scheme="ecdsa-sha2-nistp384")),
    ],
)
def test_other_keys_are_refused(pem: bytes) -> None:
    with pytest.raises(BundleError, match=r"k\.pub is not a public key of ed25519 or P-256"):
        decode_public_key(pem, name="k.pub")


def test_a_point_beside_the_curve_verifies_nothing() -> None:
    signature = ec.generate_private_key(ec.SECP256R1()).sign(b"", ec.ECDSA(hashes.SHA256()))
    assert not verify(
        PublicKey(scheme="ecdsa-sha2-nistp256", public="04" + "11" * 64), signature, b""
    )


def test_a_key_has_the_length_of_its_kind() -> None:
    with pytest.raises(ValueError, match="not a key for ed25519"):
        PublicKey(scheme="ed25519", public="04" + "11" * 64)


def test_a_new_pair_signs_and_its_private_half_is_its_owners(tmp_path: Path) -> None:
    key = signing.generate_key_pair(tmp_path / "me")
    assert (tmp_path / "me.pem").stat().st_mode & 0o777 == 0o600
    assert decode_public_key((tmp_path / "me.pub").read_bytes(), name="me") == key
    for uri in (
        tmp_path / "me.pem",
        f"file:{tmp_path}/me.pem",
        f"file2:{tmp_path}/me.pem",
        f"file://{tmp_path}/me.pem",
    ):
        assert signed_by(key, signing.sign(b"x", "text/x", [signing.open_signer(str(uri))]))


@pytest.mark.parametrize("there", ["me.pem", "me.pub"])
def test_no_key_is_ever_overwritten(tmp_path: Path, there: str) -> None:
    (tmp_path / there).write_text("precious")
    with pytest.raises(UpdateError, match=f"{there} exists already"):
        signing.generate_key_pair(tmp_path / "me")
    assert [(file.name, file.read_text()) for file in tmp_path.iterdir()] == [(there, "precious")]


def test_signatures_are_added_and_not_doubled(tmp_path: Path) -> None:
    ann, bea = (signing.generate_key_pair(tmp_path / name) for name in ("ann", "bea"))
    signers = [signing.open_signer(str(tmp_path / f"{name}.pem")) for name in ("ann", "bea")]
    envelope = signing.sign(b"x", "text/x", [])
    for signer in (signers[0], signers[1], signers[0]):
        envelope = signing.add_signatures(envelope, [signer])
    assert signed_by(ann, envelope)
    assert signed_by(bea, envelope)
    assert len(decode_envelope(envelope).signatures) == 2


def test_an_encrypted_key_requires_its_passphrase(tmp_path: Path) -> None:
    path = tmp_path / "locked.pem"
    path.write_bytes(
        P256._private_key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.BestAvailableEncryption(b"sesame"),
        )
    )
    signer = signing.open_signer(str(path), prompt={"passphrase": "sesame"}.__getitem__)
    assert signed_by(decode_public_key(public_pem(P256)), signing.sign(b"x", "text/x", [signer]))
    with pytest.raises(UpdateError, match=r"cannot sign with .*locked\.pem"):
        signing.open_signer(str(path), prompt=lambda _: "simsalabim")


def test_a_signer_that_names_its_key_otherwise_is_understood() -> None:
    signer = CryptoSigner.generate_ed25519(keyid="my own")
    key = decode_public_key(public_pem(signer))
    assert signed_by(key, signing.sign(b"x", "text/x", [signer]))


def test_a_signature_of_another_key_does_not_get_out() -> None:
    class Swapped(CryptoSigner):
        @property
        def public_key(self) -> SSlibKey:
            return SSlibKey(ALICE.id, "ed25519", "ed25519", {"public": ALICE.public.public})

    with pytest.raises(UpdateError, match="is invalid"):
        signing.sign(b"x", "text/x", [Swapped(CryptoSigner.generate_ed25519()._private_key)])


def test_a_key_of_another_kind_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "p384.pem"
    path.write_bytes(CryptoSigner.generate_ecdsa(scheme="ecdsa-sha2-nistp384").private_bytes)
    with pytest.raises(BundleError, match="of ecdsa-sha2-nistp384, is not a public key of"):
        signing.open_signer(str(path))


@pytest.mark.parametrize(
    ("uri", "why"),
    [
        ("/nowhere.pem", r"cannot read the key /nowhere\.pem: No such file"),
        ("hsm:2", r"hsm:2 needs its public key beside it: --public FILE"),
    ],
)
def test_what_is_missing_is_reported(uri: str, why: str) -> None:
    with pytest.raises(UpdateError, match=why):
        signing.open_signer(uri)


@pytest.mark.parametrize("uri", ["nosuch:1", "hsm:2", "awskms:key"])
def test_a_services_error_becomes_an_error_of_ours(uri: str) -> None:
    with pytest.raises(UpdateError, match=f"cannot sign with {uri}"):
        signing.open_signer(uri, public=ALICE.public)


def test_without_the_library_nothing_passes_and_the_extra_is_named(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    key = signing.generate_key_pair(tmp_path / "me")
    monkeypatch.setitem(sys.modules, "securesystemslib.signer", None)
    with pytest.raises(UpdateError, match=r"pip install 'edged\[sign\]'"):
        signing.open_signer(str(tmp_path / "me.pem"))
    monkeypatch.setitem(sys.modules, "cryptography.exceptions", None)
    with pytest.raises(UpdateError, match=r"pip install 'edged\[updates\]'"):
        verify(key, b"", b"")


def test_the_rules_load_no_library_before_there_is_a_signature() -> None:
    """They are imported by the daemon, which is to stay small."""
    program = (
        "import edged.updates.bundle.trust_chain, edged.updates.rules.desired, sys;"
        "print(*({'cryptography', 'securesystemslib'} & sys.modules.keys()), end='')"
    )
    done = subprocess.run([sys.executable, "-c", program], check=False, capture_output=True)
    assert (done.stdout, done.stderr) == (b"", b"")
