"""What the messages of a device say of a desired state, before and after it was published."""

import base64
import json
from typing import Any

import pytest

from support.channel_fleet import candidate, ended, model
from support.fleet import plugin

channel = plugin("module_utils.channel")
rollout = plugin("plugin_utils.rollout")

DIGEST, OTHER = "d" * 64, "e" * 64
ONLINE = {"status": "online"}


def envelope(sequence: int = 5, digest: str = DIGEST) -> bytes:
    wish = {"sequence": sequence, "digest": digest, "title": "marks@2"}
    return json.dumps({"payload": base64.b64encode(json.dumps(wish).encode()).decode()}).encode()


WISH = channel.read_wish(envelope())


def messages(told: Any, *, desired: bytes = b"", refusal: str = "") -> Any:
    wrong = [{"name": "channel", "detail": refusal}] if refusal else []
    seen = {"up/status": ONLINE, "up/model": told, "up/health": {"degradations": wrong}}
    payloads = {f"edged/v1/a/{leaf}": json.dumps(body).encode() for leaf, body in seen.items()}
    return channel.Messages("a", payloads | {"edged/v1/a/down/desired": desired})


def deferred(told: Any) -> list[str]:
    limits = {"disk_free_mb": 0, "battery_percent": 0, "throttled": True, "force": False}
    return list(rollout.against(channel.info(told, WISH), DIGEST, limits))


def test_a_device_that_still_fetches_it_takes_part() -> None:
    assert deferred(messages(model(candidate=candidate()), desired=envelope())) == []
    assert deferred(messages(model(candidate=candidate(DIGEST)))) == []


@pytest.mark.parametrize(
    ("on_its_way", "desired"),
    [
        (candidate(), envelope(digest=OTHER)),
        (candidate(), b""),
        (candidate(requested_by="operator"), envelope()),
        (candidate(OTHER), b""),
    ],
)
def test_a_device_with_another_on_its_way_does_not(on_its_way: Any, desired: bytes) -> None:
    (reason,) = deferred(messages(model(candidate=on_its_way), desired=desired))
    assert reason.startswith("another model is on its way in")


def test_only_what_the_device_denies_failed_there() -> None:
    failed = ended("1", DIGEST, "rolled-back", denied=True)
    assert deferred(messages(model(last=failed))) == ["it failed there before: why"]
    assert deferred(messages(model(sequence=5, last=failed))) == ["it failed there before: why"]
    assert deferred(messages(model(last=ended("1", DIGEST, "rolled-back")))) == []


@pytest.mark.parametrize(
    ("told", "reason"),
    [
        (model(sequence=6), "it follows a later desired state: 6, and this is 5"),
        (model(sequence=5, last=ended("1", DIGEST, "rolled-back")), "it followed desired state 5 "),
        (model(channel=None), "it follows no channel"),
        ({"installed": None}, "what it says cannot be read: KeyError"),
        (model(last=[1]), "what it says cannot be read"),
        (model(channel=7), "what it says cannot be read"),
    ],
)
def test_what_no_message_can_change_is_told(told: Any, reason: str) -> None:
    (said,) = deferred(messages(told))
    assert said.startswith(reason)


def test_what_was_refused_already_is_not_tried_again() -> None:
    refused = messages(model(), desired=envelope(), refusal="not signed")
    assert deferred(refused) == ["not signed"]
    assert deferred(messages(model(), desired=envelope(4), refusal="not signed")) == []


def fate(told: Any, *, last: str = "", was_refused: str = "", refusal: str = "") -> tuple[str, str]:
    then = channel.Before(last=last, refusal=was_refused)
    result = channel.fate(messages(told, refusal=refusal), WISH, then)
    return result["outcome"], result["reason"]


def test_a_version_that_is_in_use_is_committed() -> None:
    there = {"name": "marks@2", "digest": DIGEST}
    assert fate(model(installed=there)) == ("committed", "")
    flagged = ended("2", DIGEST, "committed", flagged=True, reason="few boxes")
    assert fate(model(installed=there, last=flagged)) == ("committed", "few boxes")
    assert fate(model(installed=there, candidate=candidate(OTHER)))[0] == "under-way"


@pytest.mark.parametrize("digest", [DIGEST, ""])
def test_an_end_counts_only_if_it_came_after(digest: str) -> None:
    told = model(last=ended("2", digest, "rejected"))
    assert fate(told, last="1") == ("rejected", "why")
    assert fate(told, last="2") == ("under-way", "it has not begun")


def test_a_device_that_begins_nothing_is_not_waited_for() -> None:
    outcome, reason = fate(model(sequence=5, last=ended("2", OTHER, "committed")), last="2")
    assert (outcome, reason.split(",")[0]) == ("rejected", "it heard of desired state 5")
    assert fate(model(sequence=5, candidate=candidate())) == ("under-way", "fetching")


def test_a_message_that_is_refused_is_an_end() -> None:
    assert fate(model(), refusal="not signed") == ("rejected", "not signed")
    assert fate(model(), refusal="not signed", was_refused="not signed")[0] == "under-way"


def test_one_device_that_talks_nonsense_is_under_way() -> None:
    outcome, reason = fate({"last": "never"})
    assert outcome == "under-way"
    assert reason.startswith("what it says cannot be read")
    assert channel.before(messages({"last": 3})) == channel.Before("", "")


@pytest.mark.parametrize("payload", [{}, {"digest": DIGEST, "title": "a@1"}, [], 3])
def test_what_is_no_desired_state_is_named(payload: Any) -> None:
    told = base64.b64encode(json.dumps(payload).encode()).decode()
    with pytest.raises(ValueError, match="it"):
        channel.read_wish(json.dumps({"payload": told}).encode())
