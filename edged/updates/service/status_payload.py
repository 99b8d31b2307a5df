"""From how the models are to what `up/model` says of it. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass

from edged.messaging.contract.header import Stamper
from edged.messaging.contract.model import (
    Candidate,
    ChannelState,
    DeploymentResult,
    ModelFailure,
    ModelState,
    ModelVersion,
)
from edged.updates.rules.ledger import DeploymentRecord
from edged.updates.service.control_messages import ModelStatus, VersionStatus


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelStatusReport:
    """How the models of a running daemon are.

    Attributes:
        status: as a command is told.
        installed_digest: digest of the version that is kept, and looks unless another is on trial; `FACTORY` for the factory model.
        state_since_ns: monotonic, when the state of the deployment in flight began, or the daemon started.
        channel: how the channel is followed; None if none is.
    """

    status: ModelStatus
    installed_digest: str
    state_since_ns: int
    channel: ChannelState | None


def build_model_state(
    report: ModelStatusReport,
    *,
    names: Mapping[str, str],
    failure: ModelFailure | None,
    stamper: Stamper,
) -> ModelState:
    """The message, without its header.

    Args:
        report: how the models are.
        names: ``name@version`` by sha256, of the models that have looked: only the file itself knows that of a factory model.
        failure: the latest model that could not be loaded.
        stamper: for times.
    """
    status = report.status
    by_digest = {version.digest: version for version in status.versions}
    kept = by_digest.get(report.installed_digest)
    previous = next((one for one in status.versions if one.role == "previous"), None)
    return ModelState(
        installed=_build_version(kept, names) if kept and names else None,
        previous=_build_version(previous, names) if previous else None,
        candidate=_build_candidate(report, by_digest, names, stamper),
        last=_build_finished_deployment(status.past[-1], status.denied) if status.past else None,
        epoch=status.epoch,
        channel=report.channel,
        last_failure=failure,
    )


def _build_version(version: VersionStatus, names: Mapping[str, str]) -> ModelVersion:
    return ModelVersion(
        name=version.title if version.digest else names.get(version.model_sha256, version.title),
        sha256=version.model_sha256,
        family=version.family,
        digest=version.digest,
        counter=version.counter,
        epoch=version.epoch,
    )


def _build_candidate(
    report: ModelStatusReport,
    by_digest: Mapping[str, VersionStatus],
    names: Mapping[str, str],
    stamper: Stamper,
) -> Candidate | None:
    deployment = report.status.deployment
    if deployment is None:
        return None
    version = by_digest.get(deployment.digest) if deployment.digest else None
    return Candidate(
        id=deployment.id,
        version=_build_version(version, names) if version else None,
        requested_by=deployment.request.requested_by,
        state=deployment.state,
        progress=round(report.status.progress, 2),
        since=stamper.time_of(report.state_since_ns),
        blocked_reason=deployment.blocked_reason,
        deaths=deployment.deaths,
        boots=deployment.boots,
    )


def _build_finished_deployment(
    record: DeploymentRecord, denied: Mapping[str, str]
) -> DeploymentResult:
    return DeploymentResult(
        id=record.id,
        title=record.title,
        digest=record.digest,
        outcome=record.outcome,
        reason=record.reason,
        flagged=record.flagged,
        denied=record.outcome != "committed" and record.digest in denied,
        time=record.time,
    )
