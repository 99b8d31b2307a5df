import json

import pytest
from msgspec.structs import replace

from edged.errors import BundleError, UpdateError
from edged.updates.bundle.manifest import digest_of
from edged.updates.rules import deployment
from edged.updates.rules.desired import (
    DesiredState,
    decode_desired,
    derive_request,
    encode_desired,
    is_stale,
    record_followed,
)
from edged.updates.rules.ledger import FACTORY, DeploymentRequest, EndCause, Ledger
from edged.updates.rules.rollback import reject, roll_back

NEW, OLD, OTHER = (letter * 64 for letter in "abc")
DESIRED = DesiredState(
    channel="stable",
    sequence=5,
    title="marks@2",
    digest=NEW,
    urls=("https://models.example/marks-2.edgem", "http://10.0.0.1/marks-2.edgem"),
)
SHA = digest_of(encode_desired(DESIRED))
REQUEST = DeploymentRequest(
    source=DESIRED.urls[0], mirrors=DESIRED.urls[1:], requested_by="channel", expected=NEW
)


def test_what_is_written_is_read() -> None:
    assert decode_desired(encode_desired(DESIRED)) == DESIRED


@pytest.mark.parametrize(
    "changes",
    [
        {"schema": "edged.bundle/1"},
        {"sequence": 0},
        {"sequence": 1 << 60},
        {"title": "marks"},
        {"title": "marks@2\n"},
        {"digest": "A" * 64},
        {"digest": NEW + "\n"},
        {"urls": []},
        {"urls": ["https://a/"] * 9},
        {"urls": ["file:///etc/passwd"]},
        {"urls": ["/etc/passwd"]},
        {"urls": ["https://a/ b"]},
        {"urls": ["https://a/\n"]},
        {"refresh_h": 0},
        {"refresh_h": 1e300},
        {"expires": "2030-01-01"},
    ],
)
def test_anything_else_is_refused(changes: dict[str, object]) -> None:
    payload = json.dumps({**json.loads(encode_desired(DESIRED)), **changes}).encode()
    with pytest.raises(BundleError, match="the desired state cannot be read"):
        decode_desired(payload)


@pytest.mark.parametrize("payload", [b"", b"\xff", b"[" * 10_000])
def test_nonsense_is_refused(payload: bytes) -> None:
    with pytest.raises(BundleError, match="cannot be read"):
        decode_desired(payload)


def test_too_large_is_refused() -> None:
    with pytest.raises(BundleError, match="are allowed"):
        decode_desired(b" " * 20_000)


def test_a_new_message_is_followed_from_the_first_sequence_on() -> None:
    assert derive_request(Ledger(), replace(DESIRED, sequence=1), "1" * 64) == replace(REQUEST)
    assert (
        derive_request(Ledger(sequence=4, desired_sha256=OTHER, current=OLD), DESIRED, SHA)
        == REQUEST
    )


def test_a_message_counts_once_however_often_it_comes() -> None:
    ledger = record_followed(Ledger(), DESIRED, SHA)
    assert (ledger.sequence, ledger.desired_sha256, ledger.refresh_h) == (5, SHA, 168)
    assert derive_request(ledger, DESIRED, SHA) is None


def test_who_goes_back_by_hand_is_not_overruled_by_the_same_message() -> None:
    at = "2026-01-01T00:00:00Z"
    ledger = record_followed(Ledger(current=NEW, previous=FACTORY), DESIRED, SHA)
    back = roll_back(ledger, EndCause.OPERATOR, at=at, previous_epoch=0)
    assert back.current == FACTORY
    assert derive_request(back, DESIRED, SHA) is None
    assert derive_request(back, replace(DESIRED, sequence=6), "6" * 64) == REQUEST


@pytest.mark.parametrize(
    "ledger",
    [
        Ledger(current=NEW),
        Ledger(denied={NEW: "it saw nothing"}),
        deployment.begin(Ledger(), REQUEST, id_="1"),
        deployment.begin(Ledger(), DeploymentRequest(source="x.edgem", expected=NEW), id_="1"),
    ],
    ids=["installed", "failed before", "on its way", "on its way by hand"],
)
def test_what_is_settled_is_noted_and_no_more(ledger: Ledger) -> None:
    assert derive_request(ledger, DESIRED, SHA) is None
    assert record_followed(ledger, DESIRED, SHA) == replace(
        ledger, sequence=5, desired_sha256=SHA, refresh_h=DESIRED.refresh_h
    )


def test_a_message_has_its_turn_after_another_update() -> None:
    busy = deployment.begin(Ledger(current=OLD), DeploymentRequest(source="x.edgem"), id_="1")
    request = derive_request(busy, DESIRED, SHA)
    assert request == REQUEST
    with pytest.raises(UpdateError, match="is being installed"):
        record_followed(deployment.begin(busy, request, id_="2"), DESIRED, SHA)
    free = reject(busy, EndCause.BUNDLE_REFUSED, "no bundle", at="2026-01-01T00:00:00Z")
    assert derive_request(free, DESIRED, SHA) == REQUEST


def test_the_previous_version_can_be_desired_again() -> None:
    assert derive_request(Ledger(current=OLD, previous=NEW), DESIRED, SHA) == REQUEST


@pytest.mark.parametrize(
    ("quiet_h", "stale_h", "refresh_h", "stale"),
    [
        (24, 24, 168, False),
        (24.1, 24, 168, True),
        (24.1, 168, 24, True),
        (23.9, 168, 24, False),
        (24.1, 24, 0, True),
        (23.9, 24, 0, False),
    ],
)
def test_a_channel_is_stale_after_what_either_side_allows(
    quiet_h: float, stale_h: float, refresh_h: float, *, stale: bool
) -> None:
    assert is_stale(quiet_h * 3600, stale_h=stale_h, refresh_h=refresh_h) is stale
