"""What `up/model` says of the deployment that was over last."""

import pytest

from edged.updates.rules.ledger import FACTORY, DeploymentOutcome, DeploymentRecord
from edged.updates.service.control_messages import ModelStatus, VersionStatus
from edged.updates.service.status_payload import ModelStatusReport, RunModel, build_model_state
from support.examples import stamper

DIGEST = "d" * 64


@pytest.mark.parametrize(
    ("outcome", "denied", "expected"),
    [
        ("rolled-back", {DIGEST: "too slow"}, True),
        ("rolled-back", {}, False),
        ("rejected", {"e" * 64: "too slow"}, False),
        ("committed", {DIGEST: "before it was forced"}, False),
    ],
)
def test_a_version_that_failed_is_distinguished_from_one_that_was_called_off(
    *, outcome: DeploymentOutcome, denied: dict[str, str], expected: bool
) -> None:
    past = DeploymentRecord(
        id="1",
        title="marks@2",
        digest=DIGEST,
        source="",
        outcome=outcome,
        reason="why",
        time="2026-11-21T09:30:05.412Z",
    )
    report = ModelStatusReport(
        status=ModelStatus(daemon=True, past=(past,), denied=denied),
        installed_digest=FACTORY,
        state_since_ns=0,
        channel=None,
    )
    message = build_model_state(report, loaded={}, failure=None, stamper=stamper())
    assert message.last is not None
    assert message.last.denied is expected


def test_the_family_of_a_factory_model_is_that_of_the_loaded_file() -> None:
    version = VersionStatus(digest=FACTORY, model_sha256="a" * 64, title="factory", role="factory")
    report = ModelStatusReport(
        status=ModelStatus(daemon=True, versions=(version,)),
        installed_digest=FACTORY,
        state_since_ns=0,
        channel=None,
    )
    loaded = {"a" * 64: RunModel("marks@1", "ssd")}
    message = build_model_state(report, loaded=loaded, failure=None, stamper=stamper())
    assert message.installed is not None
    assert (message.installed.name, message.installed.family) == ("marks@1", "ssd")
