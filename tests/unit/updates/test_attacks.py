"""What an attacker can try, by TUF's list (https://theupdateframework.io/docs/security/), against trust and the rules of a deployment.

Endless data and the tricks of archives are tried in `test_ota_archive` and `test_ota_bundle`, slow retrieval in the tests of the fetchers.
"""

import json
from dataclasses import dataclass, field, replace

import msgspec
import pytest
from msgspec.structs import replace as changed

from edged.errors import BundleError, TrustError
from edged.updates.bundle.envelope import Envelope, Signature, decode_envelope, encode_envelope
from edged.updates.bundle.manifest import PAYLOAD_TYPE as MANIFEST_TYPE
from edged.updates.bundle.manifest import Manifest, decode_manifest, digest_of, encode_manifest
from edged.updates.bundle.trust import (
    DESIRED_PAYLOAD_TYPE,
    PAYLOAD_TYPE,
    ModelRole,
    Role,
    TrustFile,
    encode_trust_file,
    verify_desired_envelope,
    verify_manifest_envelope,
    verify_successor,
    verify_trust_file,
)
from edged.updates.rules import deployment as rules
from edged.updates.rules.compatibility import check_admissible
from edged.updates.rules.desired import (
    DesiredState,
    decode_desired,
    derive_request,
    encode_desired,
    is_stale,
    record_followed,
)
from edged.updates.rules.ledger import DeploymentRequest, EndCause, Ledger
from edged.updates.rules.rollback import reject, roll_back
from support.bundles import SigningKey, SigningKeys, make_manifest, sign

AT = "2026-01-01T00:00:00Z"
SIGNING = SigningKeys(names=("marks*",))
FIRST, SECOND, THIRD = (SigningKey(word) for word in ("first", "second", "third"))
MALLORY = SigningKey("mallory")
ANY_REQUEST = DeploymentRequest(source="x.edgem", requested_by="drop-folder")
TWO_OF_THREE = Role(keys=(FIRST.id, SECOND.id, THIRD.id), threshold=2)
SHARED = changed(
    SIGNING.trust,
    keys=SIGNING.trust.keys | {key.id: key.public for key in (FIRST, SECOND, THIRD)},
    root=TWO_OF_THREE,
    models=(ModelRole(keys=TWO_OF_THREE.keys, threshold=2, names=("*",)),),
    channel=TWO_OF_THREE,
)
"""Every role asks for two of three keys."""


def manifest(*, name: str = "marks", counter: int = 1, epoch: int = 0) -> Manifest:
    files = {"model.tflite": f"{counter}".encode(), "goldens.json": b""}
    return make_manifest(files, name=name, version=str(counter), counter=counter, epoch=epoch)


MANIFEST = encode_manifest(manifest())
DESIRED = DesiredState(
    channel="stable",
    sequence=5,
    title="marks@1",
    digest=digest_of(MANIFEST),
    urls=("https://a.example/1.edgem",),
)


@dataclass
class RulesDevice:
    """As far as rules go: whom it trusts, and what it remembers."""

    trust: TrustFile = field(default_factory=lambda: SIGNING.trust)
    ledger: Ledger = field(default_factory=Ledger)

    def install(self, envelope: bytes, request: DeploymentRequest = ANY_REQUEST) -> None:
        """All of it; `BundleError` where the device says no, and then it remembers nothing of it."""
        ledger = rules.record_staged(rules.begin(self.ledger, request, id_="1"), at=AT)
        payload = verify_manifest_envelope(self.trust, envelope)
        described, digest = decode_manifest(payload), digest_of(payload)
        check_admissible(ledger, described, digest)
        ledger = rules.record_self_tested(
            rules.record_verified(ledger, described, digest, at=AT), at=AT
        )
        self.ledger = rules.commit(rules.begin_trial(ledger, boot_id="1", at=AT), at=AT)

    def receive_desired(self, envelope: bytes) -> DeploymentRequest | None:
        """A message of the channel."""
        payload = verify_desired_envelope(self.trust, envelope)
        desired = decode_desired(payload)
        request = derive_request(self.ledger, desired, digest_of(payload))
        self.ledger = record_followed(self.ledger, desired, digest_of(payload))
        return request


def test_what_is_rightly_signed_is_installed() -> None:
    device = RulesDevice()
    device.install(SIGNING.manifest_envelope(manifest()))
    assert device.ledger.current == digest_of(MANIFEST)
    assert RulesDevice().receive_desired(SIGNING.desired_envelope(encode_desired(DESIRED)))


@pytest.mark.parametrize("signers", [(), (MALLORY,), (MALLORY, FIRST, SECOND)])
def test_arbitrary_install_signed_by_nobody_who_may(signers: tuple[SigningKey, ...]) -> None:
    with pytest.raises(TrustError):
        RulesDevice().install(sign(MANIFEST_TYPE, MANIFEST, *signers))


def test_arbitrary_install_under_a_signature_of_something_else() -> None:
    genuine = decode_envelope(SIGNING.manifest_envelope(manifest()))
    forged = encode_manifest(manifest(counter=2))
    with pytest.raises(TrustError):
        RulesDevice().install(encode_envelope(replace(genuine, payload=forged)))


def test_arbitrary_install_with_a_key_that_claims_to_be_another() -> None:
    signature = MALLORY.sign(MANIFEST_TYPE, MANIFEST).signature
    posing = Envelope(MANIFEST, MANIFEST_TYPE, (Signature(SIGNING.models.id, signature),))
    with pytest.raises(TrustError):
        RulesDevice().install(encode_envelope(posing))


def test_arbitrary_install_by_a_trust_file_of_ones_own() -> None:
    own = SigningKeys("mallory")
    with pytest.raises(TrustError):
        verify_successor(SIGNING.trust, own.trust_envelope(changed(own.trust, version=2)))


def test_arbitrary_install_with_any_bit_of_a_signature_turned() -> None:
    genuine = decode_envelope(SIGNING.manifest_envelope(manifest()))
    (signature,) = genuine.signatures
    for bit in range(8 * len(signature.signature)):
        turned = bytearray(signature.signature)
        turned[bit // 8] ^= 1 << bit % 8
        forged = replace(genuine, signatures=(Signature(signature.key_id, bytes(turned)),))
        with pytest.raises(TrustError):
            verify_manifest_envelope(SIGNING.trust, encode_envelope(forged))


@pytest.mark.parametrize(
    "request_",
    [
        ANY_REQUEST,
        DeploymentRequest(source="x", requested_by="channel"),
        DeploymentRequest(source="x", requested_by="channel", downgrade=True),
        DeploymentRequest(source="x", requested_by="drop-folder", downgrade=True, force=True),
        DeploymentRequest(source="x", requested_by="operator", force=True),
    ],
)
def test_rollback_to_a_lower_counter(request_: DeploymentRequest) -> None:
    device = RulesDevice()
    device.install(SIGNING.manifest_envelope(manifest(counter=3)))
    with pytest.raises(BundleError, match="counter 2, and 3 was installed"):
        device.install(SIGNING.manifest_envelope(manifest(counter=2)), request_)


def test_rollback_to_a_lower_counter_by_way_of_another_model() -> None:
    device = RulesDevice()
    device.install(SIGNING.manifest_envelope(manifest(counter=3)))
    device.install(SIGNING.manifest_envelope(manifest(name="marks-fast")))
    with pytest.raises(BundleError, match="counter 2, and 3 was installed"):
        device.install(SIGNING.manifest_envelope(manifest(counter=2)))


def test_rollback_below_the_security_floor_is_nobodys_right() -> None:
    device = RulesDevice()
    device.install(SIGNING.manifest_envelope(manifest(counter=3, epoch=1)))
    for name in ("marks", "marks-fast"):
        with pytest.raises(BundleError, match="no epoch below 1"):
            device.install(
                SIGNING.manifest_envelope(manifest(name=name, counter=9)),
                DeploymentRequest(source="x", requested_by="operator", downgrade=True, force=True),
            )


def test_rollback_above_the_floor_is_an_operators_right() -> None:
    device = RulesDevice()
    device.install(SIGNING.manifest_envelope(manifest(counter=3)))
    device.install(
        SIGNING.manifest_envelope(manifest(counter=2)),
        DeploymentRequest(source="x", downgrade=True),
    )
    with pytest.raises(BundleError, match="3 was installed"):
        device.install(SIGNING.manifest_envelope(manifest(counter=1)))


def test_rollback_of_the_trust_file_revives_no_key() -> None:
    second = changed(SIGNING.trust, version=2, root=Role(keys=(SIGNING.channel.id,)))
    with pytest.raises(TrustError):
        verify_successor(second, SIGNING.trust_envelope())
    with pytest.raises(TrustError):
        verify_successor(second, SIGNING.trust_envelope(second, SIGNING.root, SIGNING.channel))


def test_fast_forward_of_the_trust_file() -> None:
    """A version that nothing could follow any more."""
    with pytest.raises(TrustError, match="one by one"):
        verify_successor(
            SIGNING.trust, SIGNING.trust_envelope(changed(SIGNING.trust, version=1 << 53))
        )


def test_fast_forward_of_the_floor_by_a_model_that_fails() -> None:
    """The floor rises at the commit; a model that is no good cannot shut out those that are."""
    device = RulesDevice()
    payload = encode_manifest(manifest(counter=1 << 53, epoch=1 << 53))
    described, digest = decode_manifest(payload), digest_of(payload)
    ledger = rules.record_staged(rules.begin(device.ledger, ANY_REQUEST, id_="1"), at=AT)
    ledger = rules.record_self_tested(
        rules.record_verified(ledger, described, digest, at=AT), at=AT
    )
    ledger = rules.begin_trial(ledger, boot_id="1", at=AT)
    ledger = roll_back(ledger, EndCause.TRIAL_FAILED, "it sees nothing", at=AT)
    RulesDevice(ledger=ledger).install(SIGNING.manifest_envelope(manifest(counter=1)))


def test_freeze_is_noticed_and_stops_nothing() -> None:
    device = RulesDevice()
    message = SIGNING.desired_envelope(encode_desired(DESIRED))
    assert device.receive_desired(message)
    assert [device.receive_desired(message) for _ in range(3)] == [None] * 3
    assert is_stale(8 * 24 * 3600, stale_h=168, refresh_h=DESIRED.refresh_h)
    device.install(SIGNING.manifest_envelope(manifest()))


def test_mix_and_match_of_a_message_and_another_genuine_bundle() -> None:
    device = RulesDevice()
    request = device.receive_desired(SIGNING.desired_envelope(encode_desired(DESIRED)))
    assert request
    with pytest.raises(BundleError, match="not the requested version"):
        device.install(SIGNING.manifest_envelope(manifest(counter=2)), request)
    device.install(SIGNING.manifest_envelope(manifest()), request)


def test_mix_and_match_of_payload_and_type() -> None:
    """What was signed as one thing is not another, even by a key of every role."""
    one = Role(keys=(FIRST.id,))
    trust = changed(SHARED, root=one, channel=one, models=(ModelRole(keys=one.keys, names=("*",)),))
    payloads = {
        MANIFEST_TYPE: (MANIFEST, verify_manifest_envelope),
        DESIRED_PAYLOAD_TYPE: (encode_desired(DESIRED), verify_desired_envelope),
        PAYLOAD_TYPE: (encode_trust_file(changed(trust, version=2)), verify_successor),
    }
    for signed_as, (payload, take) in payloads.items():
        envelope = sign(signed_as, payload, FIRST)
        assert take(trust, envelope)
        for posing_as in payloads.keys() - {signed_as}:
            relabelled = json.loads(envelope) | {"payloadType": posing_as}
            with pytest.raises(TrustError):
                payloads[posing_as][1](trust, msgspec.json.encode(relabelled))
            with pytest.raises(TrustError, match="this is not"):
                take(trust, sign(posing_as, payload, FIRST))


@pytest.mark.parametrize(
    "signers",
    [
        (FIRST,),
        (FIRST, FIRST),
        (FIRST, MALLORY),
        (SIGNING.root, SIGNING.models, SIGNING.channel, FIRST),
    ],
    ids=["one", "one twice", "one and a stranger", "one and everybody else"],
)
def test_key_compromise_below_the_threshold(signers: tuple[SigningKey, ...]) -> None:
    with pytest.raises(TrustError, match="must sign with 2 keys; 1 did"):
        verify_manifest_envelope(SHARED, sign(MANIFEST_TYPE, MANIFEST, *signers))
    with pytest.raises(TrustError, match="must sign with 2 keys; 1 did"):
        verify_desired_envelope(
            SHARED, sign(DESIRED_PAYLOAD_TYPE, encode_desired(DESIRED), *signers)
        )
    for trust in (SHARED, changed(SHARED, version=2, root=Role(keys=(FIRST.id,)))):
        with pytest.raises(TrustError, match="must sign with 2 keys; 1 did"):
            verify_successor(SHARED, sign(PAYLOAD_TYPE, encode_trust_file(trust), *signers))
    with pytest.raises(TrustError, match="must sign with 2 keys; 1 did"):
        verify_trust_file(sign(PAYLOAD_TYPE, encode_trust_file(SHARED), *signers))
    verify_manifest_envelope(SHARED, sign(MANIFEST_TYPE, MANIFEST, *signers, SECOND))


def test_key_compromise_with_one_signature_under_two_ids() -> None:
    signature = FIRST.sign(MANIFEST_TYPE, MANIFEST).signature
    twice = (Signature(FIRST.id, signature), Signature(SECOND.id, signature))
    with pytest.raises(TrustError, match="must sign with 2 keys; 1 did"):
        verify_manifest_envelope(SHARED, encode_envelope(Envelope(MANIFEST, MANIFEST_TYPE, twice)))


def test_key_compromise_of_two_roles_makes_none_of_them_whole() -> None:
    """A key of the role for cats and one of that for dogs do not add up."""
    cats = ModelRole(keys=(FIRST.id, SECOND.id), threshold=2, names=("cats",))
    dogs = ModelRole(keys=(THIRD.id, SIGNING.models.id), threshold=2, names=("dogs",))
    trust = changed(SHARED, models=(cats, dogs))
    for name in ("cats", "dogs"):
        envelope = sign(MANIFEST_TYPE, encode_manifest(manifest(name=name)), FIRST, THIRD)
        with pytest.raises(TrustError):
            verify_manifest_envelope(trust, envelope)


@pytest.mark.parametrize("key", [SIGNING.root, SIGNING.channel])
def test_wrong_role_signs_a_model(key: SigningKey) -> None:
    with pytest.raises(TrustError, match="a role for models must sign"):
        RulesDevice().install(sign(MANIFEST_TYPE, MANIFEST, key))


def test_wrong_role_signs_a_model_of_another_name() -> None:
    with pytest.raises(TrustError, match=r"may sign models named marks\*, not faces"):
        RulesDevice().install(SIGNING.manifest_envelope(manifest(name="faces")))


@pytest.mark.parametrize("key", [SIGNING.root, SIGNING.models])
def test_wrong_role_signs_a_desired_state(key: SigningKey) -> None:
    with pytest.raises(TrustError, match="the channel role must sign"):
        RulesDevice().receive_desired(sign(DESIRED_PAYLOAD_TYPE, encode_desired(DESIRED), key))


@pytest.mark.parametrize("key", [SIGNING.channel, SIGNING.models])
def test_wrong_role_signs_a_trust_file(key: SigningKey) -> None:
    following = changed(SIGNING.trust, version=2, root=Role(keys=(key.id,)))
    with pytest.raises(TrustError, match="the root of trust file 1 must sign"):
        verify_successor(SIGNING.trust, SIGNING.trust_envelope(following, key))


@pytest.mark.parametrize(
    "replayed",
    [changed(DESIRED, sequence=4), changed(DESIRED, urls=("https://b.example/",))],
    ids=["an older one", "another of the same sequence"],
)
def test_replay_of_a_desired_state(replayed: DesiredState) -> None:
    device = RulesDevice()
    device.receive_desired(SIGNING.desired_envelope(encode_desired(DESIRED)))
    before = device.ledger
    with pytest.raises(BundleError, match="replayed"):
        device.receive_desired(SIGNING.desired_envelope(encode_desired(replayed)))
    assert device.ledger == before


def test_replay_of_a_desired_state_after_its_model_was_left() -> None:
    """The latest message can be sent again at will: it does not bring back what an operator went away from."""
    device = RulesDevice()
    message = SIGNING.desired_envelope(encode_desired(DESIRED))
    request = device.receive_desired(message)
    assert request
    device.install(SIGNING.manifest_envelope(manifest()), request)
    device.ledger = roll_back(device.ledger, EndCause.OPERATOR, at=AT, previous_epoch=0)
    assert device.receive_desired(message) is None


def test_replay_of_a_bundle_that_failed_here() -> None:
    ledger = rules.record_staged(rules.begin(Ledger(), ANY_REQUEST, id_="1"), at=AT)
    ledger = rules.record_verified(ledger, manifest(), digest_of(MANIFEST), at=AT)
    device = RulesDevice(ledger=reject(ledger, EndCause.SELF_TEST_FAILED, "it sees ghosts", at=AT))
    with pytest.raises(BundleError, match="failed here before: it sees ghosts"):
        device.install(SIGNING.manifest_envelope(manifest()))
    assert device.receive_desired(SIGNING.desired_envelope(encode_desired(DESIRED))) is None


def test_a_name_cannot_end_in_a_line_break() -> None:
    """Where a regular expression would let it pass: ``$`` matches before the last one."""
    for old, new in (("marks", "marks\\n"), ("model.tflite", "model.tflite\\n")):
        with pytest.raises(BundleError, match="cannot be read"):
            decode_manifest(MANIFEST.replace(f'"{old}"'.encode(), f'"{new}"'.encode()))
