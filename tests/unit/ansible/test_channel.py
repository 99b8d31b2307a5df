"""What the messages of a device say of a desired state, before and after it was published."""

import base64
import json
from typing import Any

import pytest

from support.channel_fleet import candidate, model_state, past_deployment
from support.simulated_fleet import import_plugin

conditions = import_plugin("module_utils.conditions")
desired_state = import_plugin("module_utils.desired_state")
device_messages = import_plugin("module_utils.device_messages")
channel_status = import_plugin("module_utils.channel_status")
channel_outcome = import_plugin("module_utils.channel_outcome")
rollout_plan = import_plugin("plugin_utils.rollout_plan")

DIGEST, OTHER = "d" * 64, "e" * 64
ONLINE = {"status": "online"}


def envelope(sequence: int = 5, digest: str = DIGEST) -> bytes:
    wish = {"sequence": sequence, "digest": digest, "title": "marks@2"}
    return json.dumps({"payload": base64.b64encode(json.dumps(wish).encode()).decode()}).encode()


DESIRED = desired_state.parse_desired_state(envelope())


def messages(model_state: Any, *, desired: bytes = b"", refusal: str = "") -> Any:
    wrong = [{"name": conditions.CHANNEL, "detail": refusal}] if refusal else []
    seen = {"up/status": ONLINE, "up/model": model_state, "up/health": {"degradations": wrong}}
    payloads = {f"edged/v1/a/{leaf}": json.dumps(body).encode() for leaf, body in seen.items()}
    return device_messages.DeviceMessages("a", payloads | {"edged/v1/a/down/desired": desired})


def deferred(model_state: Any) -> list[str]:
    limits = {
        "min_disk_free_mb": 0,
        "min_battery_percent": 0,
        "defer_throttled": True,
        "force": False,
    }
    return list(
        rollout_plan.deferral_reasons(
            channel_status.device_info(model_state, DESIRED), DIGEST, limits
        )
    )


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
    assert reason.startswith("another deployment is in progress")


def test_only_what_the_device_denies_failed_there() -> None:
    failed = past_deployment("1", DIGEST, "rolled-back", denied=True)
    assert deferred(messages(model_state(last=failed))) == ["this version failed there before: why"]
    assert deferred(messages(model_state(sequence=5, last=failed))) == [
        "this version failed there before: why"
    ]
    assert deferred(messages(model_state(last=past_deployment("1", DIGEST, "rolled-back")))) == []


@pytest.mark.parametrize(
    ("model_message", "reason"),
    [
        (
            model_state(sequence=6),
            "the device follows a later desired state: its sequence is 6, this one is 5",
        ),
        (
            model_state(sequence=5, last=past_deployment("1", DIGEST, "rolled-back")),
            "the device has already followed desired state 5 (rolled-back: why)",
        ),
        (model_state(channel=None), "the device follows no update channel"),
        ({"installed": None}, "its messages cannot be read: KeyError"),
        (model_state(last=[1]), "its messages cannot be read"),
        (model_state(channel=7), "its messages cannot be read"),
    ],
)
def test_what_no_message_can_change_is_reported(model_message: Any, reason: str) -> None:
    (actual,) = deferred(messages(model_message))
    assert actual.startswith(reason)


def test_what_was_refused_already_is_not_tried_again() -> None:
    refused = messages(model_state(), desired=envelope(), refusal="not signed")
    assert deferred(refused) == ["not signed"]
    assert deferred(messages(model_state(), desired=envelope(4), refusal="not signed")) == []


def outcome_of(
    model_state: Any, *, last: str = "", was_refused: str = "", refusal: str = ""
) -> tuple[str, str]:
    then = channel_outcome.StateBeforePublication(last, was_refused)
    result = channel_outcome.desired_state_outcome(
        messages(model_state, refusal=refusal), DESIRED, then
    )
    return result["outcome"], result["reason"]


def test_a_version_that_is_in_use_is_committed() -> None:
    there = {"name": "marks@2", "digest": DIGEST}
    assert outcome_of(model_state(installed=there)) == ("committed", "")
    flagged = past_deployment("2", DIGEST, "committed", flagged=True, reason="few boxes")
    assert outcome_of(model_state(installed=there, last=flagged)) == ("committed", "few boxes")
    assert outcome_of(model_state(installed=there, candidate=candidate(OTHER)))[0] == "in-progress"


@pytest.mark.parametrize("digest", [DIGEST, ""])
def test_an_end_counts_only_if_it_came_after(digest: str) -> None:
    state = model_state(last=past_deployment("2", digest, "rejected"))
    assert outcome_of(state, last="1") == ("rejected", "why")
    assert outcome_of(state, last="2") == (
        "in-progress",
        "the device has not started the deployment",
    )


def test_a_device_that_begins_nothing_is_not_waited_for() -> None:
    outcome, reason = outcome_of(
        model_state(sequence=5, last=past_deployment("2", OTHER, "committed")), last="2"
    )
    assert (outcome, reason.split(" and ")[0]) == ("rejected", "the device follows desired state 5")
    assert outcome_of(model_state(sequence=5, candidate=candidate())) == ("in-progress", "fetching")


def test_a_message_that_is_refused_is_an_end() -> None:
    assert outcome_of(model_state(), refusal="not signed") == ("rejected", "not signed")
    assert (
        outcome_of(model_state(), refusal="not signed", was_refused="not signed")[0]
        == "in-progress"
    )


def test_one_device_that_talks_nonsense_is_under_way() -> None:
    outcome, reason = outcome_of({"last": "never"})
    assert outcome == "in-progress"
    assert reason.startswith("its messages cannot be read")
    assert channel_outcome.state_before_publication(
        messages({"last": 3})
    ) == channel_outcome.StateBeforePublication("", "")


@pytest.mark.parametrize("payload", [{}, {"digest": DIGEST, "title": "a@1"}, [], 3])
def test_what_is_no_desired_state_is_named(payload: Any) -> None:
    encoded = base64.b64encode(json.dumps(payload).encode()).decode()
    with pytest.raises(ValueError, match="field"):
        desired_state.parse_desired_state(json.dumps({"payload": encoded}).encode())
