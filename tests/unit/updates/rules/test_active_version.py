"""Which version is active: the candidate on trial beside the best installed version, or that version alone."""

from msgspec.structs import replace

from edged.updates.rules.active_version import VersionDecision, decide
from edged.updates.rules.ledger import FACTORY, Deployment, DeploymentRequest, Ledger

OLD, NEW, OLDEST = "b" * 64, "c" * 64, "a" * 64
INSTALLED = Ledger(current=OLD, previous=OLDEST)
ON_TRIAL = replace(
    INSTALLED,
    deployment=Deployment(id="1", request=DeploymentRequest(source="x"), state="trial", digest=NEW),
)


def test_the_committed_version_is_active() -> None:
    assert decide(INSTALLED, {}) == VersionDecision(active=OLD, installed=OLD)
    assert decide(Ledger(), {}) == VersionDecision(active=FACTORY, installed=FACTORY)


def test_the_next_best_version_replaces_one_that_failed() -> None:
    assert decide(INSTALLED, {OLD: "it is damaged"}) == VersionDecision(
        active=OLDEST, installed=OLDEST, fallback_reason="it is damaged"
    )
    assert decide(INSTALLED, {OLD: "it is damaged", OLDEST: "it does not load"}) == VersionDecision(
        active=FACTORY, installed=FACTORY, fallback_reason="it is damaged; it does not load"
    )


def test_a_failure_of_another_version_is_no_reason_for_a_fallback() -> None:
    assert decide(INSTALLED, {OLDEST: "it is damaged", NEW: "so is this"}).fallback_reason is None


def test_a_candidate_on_trial_is_active_beside_the_installed_version() -> None:
    assert decide(ON_TRIAL, {}) == VersionDecision(active=NEW, shadow=OLD, installed=OLD)
    assert decide(ON_TRIAL, {OLD: "it is damaged"}) == VersionDecision(
        active=NEW, shadow=OLDEST, installed=OLDEST, fallback_reason="it is damaged"
    )


def test_no_candidate_is_active_before_its_trial_or_once_that_has_failed() -> None:
    deployment = ON_TRIAL.deployment
    assert deployment
    before = replace(ON_TRIAL, deployment=replace(deployment, state="self-tested"))
    for decision in (decide(before, {}), decide(ON_TRIAL, {}, is_trial_over=True)):
        assert decision == VersionDecision(active=OLD, installed=OLD)


def test_a_model_configured_by_path_replaces_every_version() -> None:
    assert decide(ON_TRIAL, {OLD: "it is damaged"}, is_configured_by_path=True) == VersionDecision(
        active=FACTORY, installed=FACTORY
    )
