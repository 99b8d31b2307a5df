"""The operations on the models of this device: status, install, commit, rollback and garbage collection.

The daemon (`edged.updates.service.service`) and the commands that run without one (`edged.updates.service.model_control`,
`edged.updates.service.rescue`) share them. An `OperationHost` does what differs between the two.
"""

from dataclasses import dataclass
from typing import Protocol

from msgspec.structs import replace

from edged.config.settings import Settings
from edged.errors import UpdateError
from edged.redaction import display_url
from edged.updates.rules.ledger import Deployment, DeploymentRequest, EndCause, Ledger
from edged.updates.service.control_messages import (
    CollectGarbageRequest,
    CommitRequest,
    ControlRequest,
    ControlResponse,
    InstallRequest,
    ModelStatus,
    RollbackRequest,
    StatusRequest,
    VersionStatus,
)
from edged.updates.service.repository import ModelRepository

STORE_CLOSED = "the model store cannot be used: the condition `update` in up/health has the reason"
"""Why a daemon refuses a request while it cannot use its store."""
OPERATOR_COMMIT_FLAG = "an operator committed it before its trial was over"


@dataclass(frozen=True, slots=True, kw_only=True)
class RuntimeStatus:
    """The part of the status that only a running daemon knows; the defaults are for a command without one.

    Attributes:
        is_daemon_running: a daemon runs.
        active_model_name: ``name@version`` of the active model; None if no worker runs one.
        progress: progress of the present state of the deployment in flight, 0..1.
        suspended_reason: why the trial is suspended; None if it is not, or none is under way.
        disk_silent_s: how long the store's disk has not answered, seconds; 0 if it does.
    """

    is_daemon_running: bool = False
    active_model_name: str | None = None
    progress: float = 0.0
    suspended_reason: str | None = None
    disk_silent_s: float = 0.0


class OperationHost(Protocol):
    """The part of the operations in which the daemon and a command without one differ."""

    def own_store(self) -> None:
        """Make this process the only writer of an open store.

        Raises:
            StoreError: the store cannot be opened.
        """

    def check_store(self) -> None:
        """Check, without doing anything, that the store is open.

        Raises:
            StoreError: it is not.
        """

    def continue_deployment(self, id_: str, request: DeploymentRequest) -> None:
        """Continue a deployment that has just begun, now or later.

        Raises:
            StoreError: the store cannot be written.
        """

    def interrupt(self, cause: EndCause, reason: str | None) -> None:
        """Stop whatever works on the deployment in flight, because it is about to be rolled back.

        Raises:
            StoreError: the store cannot be read.
        """

    def check_idle(self) -> None:
        """Check that no installer writes to the store.

        Raises:
            UpdateError: one does.
        """

    def follow_ledger(self, before: Ledger) -> None:
        """Act on the ledger after an operation, successful or not; `before` is the ledger before it."""

    def runtime_status(self) -> RuntimeStatus:
        """Return what only a running daemon knows."""


class ModelOperations:
    """Carries out operations on a repository."""

    def __init__(self, repository: ModelRepository, host: OperationHost) -> None:
        self._repository = repository
        self._host = host

    def execute(self, control_request: ControlRequest) -> ControlResponse:
        """Carry out a request; the response has the reason of a refusal."""
        before = self._repository.ledger
        id_, error = "", ""
        removed: tuple[str, ...] = ()
        try:
            match control_request:
                case InstallRequest(request=request):
                    id_ = self.install(request)
                case CommitRequest():
                    self._host.own_store()
                    id_ = self.commit(OPERATOR_COMMIT_FLAG)
                case RollbackRequest(reason=reason):
                    self._host.own_store()
                    id_ = self.roll_back(EndCause.OPERATOR, reason or None)
                case CollectGarbageRequest():
                    removed = self.collect_garbage()
                case StatusRequest():
                    self._host.check_store()
        except UpdateError as refusal:
            error = str(refusal)
        return ControlResponse(
            status=self.status(),
            error=error,
            changed=self._repository.ledger != before or bool(removed),
            id=id_,
            removed=removed,
        )

    def status(self) -> ModelStatus:
        """Return the status of the models."""
        return build_status(self._repository, self._host.runtime_status())

    def install(self, request: DeploymentRequest) -> str:
        """Begin a deployment, and return its id.

        Raises:
            UpdateError: the configuration allows no updates, or another deployment is in flight.
            StoreError: the disk cannot be used.
        """
        self._host.own_store()
        id_ = self._repository.begin_deployment(request)
        self._host.continue_deployment(id_, request)
        return id_

    def commit(self, flag_reason: str | None) -> str:
        """Commit the version on trial, and return the id of its deployment.

        Raises:
            UpdateError: no version is on trial.
            StoreError: the disk cannot be used.
        """
        before = self._repository.ledger
        id_ = self._repository.commit(flag_reason)
        self._host.follow_ledger(before)
        return id_

    def roll_back(self, cause: EndCause, reason: str | None) -> str:
        """Go one step back, and return the id of the record; a model on trial stops running even if that cannot be recorded.

        Raises:
            UpdateError: there is no version to go back to.
            StoreError: the disk cannot be used.
        """
        before = self._repository.ledger
        try:
            self._host.interrupt(cause, reason)
            return self._repository.roll_back(cause, reason)
        finally:
            self._host.follow_ledger(before)

    def collect_garbage(self) -> tuple[str, ...]:
        """Remove what the ledger does not need, and return the digests of the removed versions.

        Raises:
            UpdateError: an installer is running.
            StoreError: the disk cannot be used.
        """
        self._host.check_idle()
        self._host.own_store()
        return self._repository.collect_garbage()


def build_status(repository: ModelRepository, runtime: RuntimeStatus | None = None) -> ModelStatus:
    """Return the status of the models; without a runtime status, that of a device without a daemon."""
    return describe_models(
        repository.ledger,
        repository.list_versions(),
        repository.settings,
        runtime or RuntimeStatus(),
    )


def describe_models(
    ledger: Ledger,
    versions: tuple[VersionStatus, ...],
    settings: Settings,
    runtime: RuntimeStatus,
) -> ModelStatus:
    """Return the status of the models.

    Args:
        ledger: the ledger.
        versions: the versions on this device.
        settings: the configuration in force.
        runtime: what only a running daemon knows.
    """
    return ModelStatus(
        daemon=runtime.is_daemon_running,
        pinned=str(settings.model.path or ""),
        active_model=runtime.active_model_name or "",
        versions=versions,
        deployment=_describe_deployment(ledger.deployment, runtime),
        progress=runtime.progress,
        past=ledger.past,
        epoch=ledger.epoch,
        denied=ledger.denied,
        sequence=ledger.sequence,
        disk_silent_s=runtime.disk_silent_s,
    )


def _describe_deployment(
    deployment: Deployment | None, runtime: RuntimeStatus
) -> Deployment | None:
    """Remove passwords from the URLs of a deployment, and say why its trial is suspended."""
    if deployment is None:
        return None
    request = deployment.request
    redacted = replace(
        request,
        source=display_url(request.source),
        mirrors=tuple(display_url(url) for url in request.mirrors),
    )
    blocked_reason = deployment.blocked_reason
    if runtime.suspended_reason:
        blocked_reason = f"the trial is suspended: {runtime.suspended_reason}"
    return replace(deployment, request=redacted, blocked_reason=blocked_reason)
