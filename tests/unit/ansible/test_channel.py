"""What the messages of a device say of a desired state, before and after it was published."""

import base64
import json
from typing import Any

import pytest

from support.channel_fleet import candidate, model_state, past_deployment
from support.simulated_fleet import import_plugin

channel = import_plugin("module_utils.channel_outcome")
rollout = import_plugin("plugin_utils.rollout_plan")

DIGEST, OTHER = "d" * 64, "e" * 64
ONLINE = {"status": "online"}


def envelope(sequence: int = 5, digest: str = DIGEST) -> bytes:
    wish = {"sequence": sequence, "digest": digest, "title": "marks@2"}
    return json.dumps({"payload": base64.b64encode(json.dumps(wish).encode()).decode()}).encode()


DESIRED = channel.read_wish(envelope())


def messages(model_state: Any, *, desired: bytes = b"", refusal: str = "") -> Any:
    wrong = [{"name": "channel", "detail": refusal}] if refusal else []
    seen = {"up/status": ONLINE, "up/model": model_state, "up/health": {"degradations": wrong}}
    payloads = {f"edged/v1/a/{leaf}": json.dumps(body).encode() for leaf, body in seen.items()}
    return channel.Messages("a", payloads | {"edged/v1/a/down/desired": desired})


def deferred(model_state: Any) -> list[str]:
    limits = {"disk_free_mb": 0, "battery_percent": 0, "throttled": True, "force": False}
    return list(rollout.against(channel.info(model_state, DESIRED), DIGEST, limits))


def test_a_device_that_still_fetches_it_takes_part() -> None:
    assert deferred(messages(model_state(candidate=candidate()), desired=envelope())) == []
    assert deferred(messages(model_state(candidate=candidate(DIGEST)))) == []


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
    (reason,) = deferred(messages(model_state(candidate=on_its_way), desired=desired))
    assert reason.startswith("another model is on its way in")


def test_only_what_the_device_denies_failed_there() -> None:
    failed = past_deployment("1", DIGEST, "rolled-back", denied=True)
    assert deferred(messages(model_state(last=failed))) == ["it failed there before: why"]
    assert deferred(messages(model_state(sequence=5, last=failed))) == [
        "it failed there before: why"
    ]
    assert deferred(messages(model_state(last=past_deployment("1", DIGEST, "rolled-back")))) == []


@pytest.mark.parametrize(
    ("told", "reason"),
    [
        (model_state(sequence=6), "it follows a later desired state: 6, and this is 5"),
        (
            model_state(sequence=5, last=past_deployment("1", DIGEST, "rolled-back")),
            "it followed desired state 5 ",
        ),
        (model_state(channel=None), "it follows no channel"),
        ({"installed": None}, "what it says cannot be read: KeyError"),
        (model_state(last=[1]), "what it says cannot be read"),
        (model_state(channel=7), "what it says cannot be read"),
    ],
)
def test_what_no_message_can_change_is_reported(told: Any, reason: str) -> None:
    (said,) = deferred(messages(told))
    assert said.startswith(reason)


def test_what_was_refused_already_is_not_tried_again() -> None:
    refused = messages(model_state(), desired=envelope(), refusal="not signed")
    assert deferred(refused) == ["not signed"]
    assert deferred(messages(model_state(), desired=envelope(4), refusal="not signed")) == []


def outcome_of(
    model_state: Any, *, last: str = "", was_refused: str = "", refusal: str = ""
) -> tuple[str, str]:
    then = channel.Before(last=last, refusal=was_refused)
    result = channel.fate(messages(model_state, refusal=refusal), DESIRED, then)
    return result["outcome"], result["reason"]


def test_a_version_that_is_in_use_is_committed() -> None:
    there = {"name": "marks@2", "digest": DIGEST}
    assert outcome_of(model_state(installed=there)) == ("committed", "")
    flagged = past_deployment("2", DIGEST, "committed", flagged=True, reason="few boxes")
    assert outcome_of(model_state(installed=there, last=flagged)) == ("committed", "few boxes")
    assert outcome_of(model_state(installed=there, candidate=candidate(OTHER)))[0] == "under-way"


@pytest.mark.parametrize("digest", [DIGEST, ""])
def test_an_end_counts_only_if_it_came_after(digest: str) -> None:
    told = model_state(last=past_deployment("2", digest, "rejected"))
    assert outcome_of(told, last="1") == ("rejected", "why")
    assert outcome_of(told, last="2") == ("under-way", "it has not begun")


def test_a_device_that_begins_nothing_is_not_waited_for() -> None:
    outcome, reason = outcome_of(
        model_state(sequence=5, last=past_deployment("2", OTHER, "committed")), last="2"
    )
    assert (outcome, reason.split(",")[0]) == ("rejected", "it heard of desired state 5")
    assert outcome_of(model_state(sequence=5, candidate=candidate())) == ("under-way", "fetching")


def test_a_message_that_is_refused_is_an_end() -> None:
    assert outcome_of(model_state(), refusal="not signed") == ("rejected", "not signed")
    assert (
        outcome_of(model_state(), refusal="not signed", was_refused="not signed")[0] == "under-way"
    )


def test_one_device_that_talks_nonsense_is_under_way() -> None:
    outcome, reason = outcome_of({"last": "never"})
    assert outcome == "under-way"
    assert reason.startswith("what it says cannot be read")
    assert channel.before(messages({"last": 3})) == channel.Before("", "")


@pytest.mark.parametrize("payload", [{}, {"digest": DIGEST, "title": "a@1"}, [], 3])
def test_what_is_no_desired_state_is_named(payload: Any) -> None:
    told = base64.b64encode(json.dumps(payload).encode()).decode()
    with pytest.raises(ValueError, match="it"):
        channel.read_wish(json.dumps({"payload": told}).encode())
