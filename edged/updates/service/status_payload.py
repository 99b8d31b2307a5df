"""Builds the payload of `up/model` from the status of the models."""

import logging
from collections.abc import Mapping
from dataclasses import dataclass

from edged.clock import Clock
from edged.messaging.contract.header import Stamper
from edged.messaging.contract.model import (
    Candidate,
    ChannelState,
    DeploymentResult,
    ModelFailure,
    ModelState,
    ModelVersion,
)
from edged.updates.rules.ledger import Deployment, DeploymentRecord
from edged.updates.service.control_messages import ModelStatus, VersionStatus

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelStatusReport:
    """The status of the models in a running daemon.

    Attributes:
        status: the status that the control socket gives.
        installed_digest: digest of the version that is active unless another is on trial; `FACTORY` for the factory model.
        state_since_ns: monotonic time at which the state of the deployment in flight began, or the daemon started.
        channel: state of the update channel; None if the device follows none.
    """

    status: ModelStatus
    installed_digest: str
    state_since_ns: int
    channel: ChannelState | None


@dataclass(frozen=True, slots=True)
class RunModel:
    """A model that has run.

    Attributes:
        name: ``name@version``.
        family: how its outputs are read.
    """

    name: str
    family: str


class StateTimer:
    """The time at which the deployment in flight came into its state."""

    def __init__(self, clock: Clock) -> None:
        """Start without a deployment.

        Args:
            clock: the clock of the message's time.
        """
        self._clock = clock
        self._since_ns = clock.monotonic_ns()
        self._state: tuple[str, str] | None = None

    @property
    def since_ns(self) -> int:
        """The monotonic time of the last change, or of the daemon's start."""
        return self._since_ns

    def update(self, deployment: Deployment | None) -> None:
        """Note the deployment in flight, and log a change of its state."""
        state = (deployment.id, deployment.state) if deployment else None
        if state == self._state:
            return
        self._state, self._since_ns = state, self._clock.monotonic_ns()
        if deployment:
            _log.info("update %s: %s: %s", deployment.id, deployment.display_name, deployment.state)


def build_model_state(
    report: ModelStatusReport,
    *,
    loaded: Mapping[str, RunModel],
    failure: ModelFailure | None,
    stamper: Stamper,
) -> ModelState:
    """Return the payload, without its header.

    Args:
        report: the status of the models.
        loaded: by sha256 of the model file, the models that have run: name and family of a factory model stand only in its file.
        failure: the latest model that could not be loaded.
        stamper: formats times.
    """
    status = report.status
    by_digest = {version.digest: version for version in status.versions}
    installed = by_digest.get(report.installed_digest)
    previous = next((one for one in status.versions if one.role == "previous"), None)
    return ModelState(
        installed=_build_version(installed, loaded) if installed and loaded else None,
        previous=_build_version(previous, loaded) if previous else None,
        candidate=_build_candidate(report, by_digest, loaded, stamper),
        last=_build_finished_deployment(status.past[-1], status.denied) if status.past else None,
        epoch=status.epoch,
        channel=report.channel,
        last_failure=failure,
    )


def _build_version(version: VersionStatus, loaded: Mapping[str, RunModel]) -> ModelVersion:
    ran = loaded.get(version.model_sha256)
    return ModelVersion(
        name=ran.name if ran and not version.digest else version.title,
        sha256=version.model_sha256,
        family=version.family or (ran.family if ran else ""),
        digest=version.digest,
        counter=version.counter,
        epoch=version.epoch,
    )


def _build_candidate(
    report: ModelStatusReport,
    by_digest: Mapping[str, VersionStatus],
    loaded: Mapping[str, RunModel],
    stamper: Stamper,
) -> Candidate | None:
    if (deployment := report.status.deployment) is None:
        return None
    version = by_digest.get(deployment.digest) if deployment.digest else None
    return Candidate(
        id=deployment.id,
        version=_build_version(version, loaded) if version else None,
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
        cause=record.cause.value if record.cause else None,
        reason=record.reason,
        flagged=record.flagged,
        denied=record.outcome != "committed" and record.digest in denied,
        time=record.time,
    )
