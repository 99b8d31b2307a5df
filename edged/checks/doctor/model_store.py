"""Check of the model store: the installed versions and the deployment in progress."""

from collections.abc import Iterator

from edged.checks.doctor.finding import Finding, fail, ok, warn
from edged.config.settings import ModelSettings, Settings
from edged.errors import UpdateError
from edged.updates.rules.active_version import load_order
from edged.updates.service.control_messages import ModelStatus
from edged.updates.service.model_control import now, open_store
from edged.updates.service.repository import ModelRepository

_PART = "models"


def open_read_only(settings: Settings) -> ModelRepository:
    """Read the model store without changing it.

    Raises:
        ConfigError: the state directory cannot be made.
    """
    repository = ModelRepository(open_store(settings), settings, now=now)
    repository.load_read_only()
    return repository


def select_model(repository: ModelRepository) -> ModelSettings:
    """Return the model that a daemon would run: the first one that is not damaged."""
    for digest in load_order(repository.ledger):
        try:
            return repository.load_version(digest).model.settings
        except UpdateError:
            continue
    return repository.settings.model


def assess_models(status: ModelStatus) -> Iterator[Finding]:
    """Assess the installed versions and the deployment in progress."""
    if status.pinned:
        yield ok(_PART, f"model.path is set to {status.pinned}: no updates")
        return
    for version in status.versions:
        if version.damage and version.role in {"current", "factory"}:
            message = f"the {version.role} model is damaged: {version.damage}"
            yield fail(_PART, message, "edged model rollback, or install the model again")
            return
    installed = next((version.title for version in status.versions), "no model")
    deployment = status.deployment
    if deployment is None:
        yield ok(_PART, f"{installed}; no deployment")
    elif deployment.blocked_reason:
        message = f"{deployment.display_name} blocked: {deployment.blocked_reason}"
        yield warn(_PART, message, "remove the cause; the deployment then continues by itself")
    else:
        yield ok(_PART, f"{installed}; {deployment.display_name}: deployment {deployment.state}")
