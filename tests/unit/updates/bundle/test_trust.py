import json
import logging
from pathlib import Path

import pytest
from msgspec.structs import replace

from edged.errors import BundleError, StoreError, TrustError
from edged.host.files import LocalFileSystem
from edged.updates.bundle import trust_chain as trusted
from edged.updates.bundle.manifest import PAYLOAD_TYPE as MANIFEST_TYPE
from edged.updates.bundle.manifest import encode_manifest
from edged.updates.bundle.trust import (
    DESIRED_PAYLOAD_TYPE,
    PAYLOAD_TYPE,
    ModelRole,
    Role,
    TrustFile,
    decode_trust_file,
    encode_trust_file,
    verify_desired_envelope,
    verify_manifest_envelope,
    verify_successor,
    verify_trust_file,
)
from support.bundles import SigningKey, make_manifest, sign

ALICE, BOB, CAROL, DAVE = KEYS = tuple(
    SigningKey(word) for word in ("alice", "bob", "carol", "dave")
)


def role(*keys: SigningKey, threshold: int = 1) -> Role:
    return Role(keys=tuple(key.id for key in keys), threshold=threshold)


def models(*keys: SigningKey, names: tuple[str, ...] = ("*",), threshold: int = 1) -> ModelRole:
    return ModelRole(keys=tuple(key.id for key in keys), names=names, threshold=threshold)


TRUST = TrustFile(
    version=1,
    keys={key.id: key.public for key in KEYS},
    root=role(ALICE),
    models=(models(BOB),),
    channel=role(CAROL),
)


def enveloped(trust: TrustFile, *keys: SigningKey) -> bytes:
    return sign(PAYLOAD_TYPE, encode_trust_file(trust), *keys)


def chain_of(length: int) -> list[bytes]:
    """Versions 1 to `length`, all with one root."""
    return [enveloped(replace(TRUST, version=number), ALICE) for number in range(1, length + 1)]


def manifest(name: str) -> bytes:
    return encode_manifest(make_manifest({"model.tflite": b"", "goldens.json": b""}, name=name))


def test_a_trust_file_that_its_root_signed_is_read() -> None:
    assert verify_trust_file(enveloped(TRUST, ALICE)) == TRUST


@pytest.mark.parametrize("signers", [(), (BOB,), (CAROL, DAVE)])
def test_a_trust_file_that_its_root_did_not_sign_is_not(signers: tuple[SigningKey, ...]) -> None:
    with pytest.raises(
        TrustError, match=r"its own root \(trust file 1\) must sign with 1 keys; 0 did"
    ):
        verify_trust_file(enveloped(TRUST, *signers))


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"root": {"keys": [ALICE.id], "threshold": 2}}, "wants 2 of 1 keys"),
        ({"root": {"keys": [ALICE.id], "threshold": 0}}, "cannot be read"),
        ({"root": {"keys": [], "threshold": 1}}, "cannot be read"),
        ({"root": {"keys": [ALICE.id, ALICE.id], "threshold": 2}}, "a key twice in one role"),
        ({"root": {"keys": ["0" * 64], "threshold": 1}}, "has no key 000000000000"),
        ({"channel": {"keys": ["0" * 64], "threshold": 1}}, "has no key 000000000000"),
        ({"models": []}, "cannot be read"),
        ({"models": [{"keys": [BOB.id], "threshold": 1, "names": ["a/b"]}]}, "cannot be read"),
        ({"models": [{"keys": [BOB.id], "threshold": 1, "names": ["a\n"]}]}, "cannot be read"),
        ({"version": 0}, "cannot be read"),
        ({"version": True}, "cannot be read"),
        ({"schema": "edged.trust/2"}, "cannot be read"),
        ({"expires": "2030-01-01"}, "cannot be read"),
    ],
)
def test_a_trust_file_that_makes_no_sense_is_refused(changes: dict[str, object], why: str) -> None:
    payload = json.dumps({**json.loads(encode_trust_file(TRUST)), **changes}).encode()
    with pytest.raises(BundleError, match=why):
        decode_trust_file(payload)


def test_a_key_cannot_pass_as_another_or_as_two() -> None:
    fields = json.loads(encode_trust_file(TRUST))
    fields["keys"]["f" * 64] = fields["keys"][ALICE.id]
    fields["root"] = {"keys": [ALICE.id, "f" * 64], "threshold": 2}
    with pytest.raises(BundleError, match=r"lists key .* as ffffffffffff"):
        decode_trust_file(json.dumps(fields).encode())


def test_root_hands_over_when_both_have_signed() -> None:
    following = replace(TRUST, version=2, root=role(CAROL, DAVE, threshold=2))
    assert verify_successor(TRUST, enveloped(following, ALICE, CAROL, DAVE)) == following


@pytest.mark.parametrize(
    ("signers", "why"),
    [
        ((ALICE,), "its own root .* must sign with 2 keys; 0 did"),
        ((ALICE, CAROL), "its own root .* must sign with 2 keys; 1 did"),
        ((CAROL, DAVE), "the root of trust file 1 must sign with 1 keys; 0 did"),
    ],
)
def test_root_does_not_hand_over_otherwise(signers: tuple[SigningKey, ...], why: str) -> None:
    following = replace(TRUST, version=2, root=role(CAROL, DAVE, threshold=2))
    with pytest.raises(TrustError, match=why):
        verify_successor(TRUST, enveloped(following, *signers))


@pytest.mark.parametrize("version", [4, 5, 7, 1 << 53])
def test_versions_go_up_one_by_one(version: int) -> None:
    with pytest.raises(TrustError, match=f"trust file {version} cannot follow 5"):
        verify_successor(
            replace(TRUST, version=5), enveloped(replace(TRUST, version=version), ALICE)
        )


def test_a_revoked_key_signs_nothing_any_more() -> None:
    envelope = sign(MANIFEST_TYPE, manifest("marks"), BOB)
    without = {id_: key for id_, key in TRUST.keys.items() if id_ != BOB.id}
    following = replace(TRUST, version=2, keys=without, models=(models(DAVE),))
    assert verify_manifest_envelope(TRUST, envelope)
    with pytest.raises(TrustError):
        verify_manifest_envelope(verify_successor(TRUST, enveloped(following, ALICE)), envelope)


@pytest.mark.parametrize(
    ("name", "signers", "good"),
    [
        ("cats", (BOB,), True),
        ("dogs-9", (CAROL, DAVE), True),
        ("dogs-9", (CAROL,), False),
        ("dogs-9", (BOB,), False),
        ("dogs-9", (BOB, CAROL), False),
        ("dogs-99", (CAROL, DAVE), False),
        ("cats", (CAROL, DAVE), False),
        ("cats", (BOB, CAROL, DAVE), True),
        ("dogs-9", (BOB, CAROL, DAVE), True),
    ],
)
def test_each_role_signs_the_models_of_its_names(
    name: str, signers: tuple[SigningKey, ...], *, good: bool
) -> None:
    dogs = models(CAROL, DAVE, names=("dogs-?", "wolves*"), threshold=2)
    trust = replace(TRUST, models=(models(BOB, names=("cats*",)), dogs))
    envelope = sign(MANIFEST_TYPE, manifest(name), *signers)
    if good:
        assert verify_manifest_envelope(trust, envelope) == manifest(name)
    else:
        with pytest.raises(TrustError):
            verify_manifest_envelope(trust, envelope)


def test_nothing_is_parsed_before_it_is_verified() -> None:
    with pytest.raises(TrustError):
        verify_manifest_envelope(TRUST, sign(MANIFEST_TYPE, b"not JSON", DAVE))
    with pytest.raises(BundleError, match="the manifest cannot be read"):
        verify_manifest_envelope(TRUST, sign(MANIFEST_TYPE, b"not JSON", BOB))


def test_without_a_channel_no_desired_state_is_taken() -> None:
    envelope = sign(DESIRED_PAYLOAD_TYPE, b"{}", CAROL)
    assert verify_desired_envelope(TRUST, envelope) == b"{}"
    with pytest.raises(TrustError, match="has no channel role"):
        verify_desired_envelope(replace(TRUST, channel=None), envelope)


class DeviceTrust:
    """The two places of a device's trust."""

    def __init__(self, folder: Path, envelope: bytes) -> None:
        self.provisioned, self.stored = folder / "provisioned.json", folder / "trust.json"
        self.provisioned.write_bytes(envelope)

    def store_chain(self, *envelopes: bytes) -> None:
        self.stored.write_bytes(b"[" + b",".join(envelopes) + b"]")

    def version(self) -> int:
        return trusted.load_trust(self.provisioned, self.stored, LocalFileSystem()).version


@pytest.mark.parametrize(
    ("provisioned", "stored", "in_force"),
    [
        (1, [], 1),
        (1, [2, 3], 3),
        (2, [2, 3], 3),
        (3, [2, 3], 3),
        (4, [2, 3], 4),
        (4, [2, 3, 4, 5], 5),
        (1, [3], 1),
        (1, [2, 4], 2),
        (1, [2, 3, 2], 3),
    ],
)
def test_the_chain_is_followed_as_far_as_it_leads(
    tmp_path: Path, provisioned: int, stored: list[int], in_force: int
) -> None:
    versions = chain_of(5)
    device = DeviceTrust(tmp_path, versions[provisioned - 1])
    device.store_chain(*(versions[number - 1] for number in stored))
    assert device.version() == in_force


def test_without_a_chain_the_provisioned_file_is_in_force(tmp_path: Path) -> None:
    assert DeviceTrust(tmp_path, chain_of(1)[0]).version() == 1


@pytest.mark.parametrize("content", [b"", b"{}", b"\xff", b"[{}]", b"[1]", b"[" * 10_000])
def test_a_damaged_chain_is_ignored_and_reported(
    tmp_path: Path, content: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    device = DeviceTrust(tmp_path, chain_of(1)[0])
    device.stored.write_bytes(content)
    with caplog.at_level(logging.WARNING):
        assert device.version() == 1
    assert "trust file 1 is in force" in caplog.text


def test_a_chain_of_another_root_does_not_count(tmp_path: Path) -> None:
    device = DeviceTrust(tmp_path, chain_of(1)[0])
    device.store_chain(enveloped(replace(TRUST, version=2, root=role(DAVE)), DAVE))
    assert device.version() == 1


def test_a_chain_that_cannot_be_read_revives_no_revoked_key(tmp_path: Path) -> None:
    device = DeviceTrust(tmp_path, chain_of(1)[0])
    device.stored.mkdir()
    with pytest.raises(StoreError, match=r"trust\.json"):
        device.version()


def test_a_missing_trust_file_is_named(tmp_path: Path) -> None:
    device = DeviceTrust(tmp_path, b"")
    device.provisioned.unlink()
    with pytest.raises(StoreError, match=r"provisioned\.json, which updates\.trust names"):
        device.version()


def test_what_is_saved_is_followed_again(tmp_path: Path) -> None:
    device, files = DeviceTrust(tmp_path, chain_of(1)[0]), LocalFileSystem()
    chain = trusted.load_chain(device.provisioned, device.stored, files)
    for envelope in chain_of(4)[1:]:
        chain = chain.extend(envelope)
        trusted.save_chain(chain, device.stored, files)
        assert device.version() == chain.trust.version
    assert sorted(file.name for file in tmp_path.iterdir()) == ["provisioned.json", "trust.json"]
