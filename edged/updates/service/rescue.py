"""Goes one step back towards the factory model, without a daemon, because the daemon keeps crashing; the store may be in any state."""

import logging
from collections.abc import Callable

from msgspec import Struct

from edged.config.settings import Settings
from edged.errors import StoreError, UpdateError
from edged.host.files import LocalFileSystem
from edged.host.ownership import become_owner
from edged.host.paths import model_store_dir, state_dir
from edged.updates.rules.ledger import EndCause
from edged.updates.service.model_control import StandaloneHost, open_store
from edged.updates.service.operations import ModelOperations
from edged.updates.service.repository import ModelRepository
from edged.updates.store.lock import StoreLock

_log = logging.getLogger(__name__)


class RescueResult(Struct, frozen=True, kw_only=True):
    """The result of a rescue.

    Attributes:
        changed: another model will be active, or a deployment is no longer in flight.
        active_model: ``name@version`` of the model that will be active; "" if nothing was tried.
        replaced_model: ``name@version`` of the model that was replaced; "" if none was, or it is unknown.
        reason: why nothing was replaced; "" if something was.
        quarantine_path: where the store lies that could not be opened; "" if it could.
    """

    changed: bool
    active_model: str
    replaced_model: str = ""
    reason: str = ""
    quarantine_path: str = ""


def rescue(settings: Settings, reason: str | None, *, now: Callable[[], str]) -> RescueResult:
    """Go one step back; the result is durable.

    Args:
        settings: the configuration.
        reason: why, in words; None for the default words.
        now: returns the time, RFC 3339.

    Raises:
        ConfigError: the state directory cannot be made.
        StoreError: a daemon owns the store, or the disk cannot be written.
    """
    become_owner(state_dir(settings))
    with StoreLock(model_store_dir(settings)):
        repository = ModelRepository(open_store(settings), settings, now=now)
        quarantine_path = _open_or_quarantine(repository)
        return _step_back(repository, reason, quarantine_path)


def _step_back(
    repository: ModelRepository, reason: str | None, quarantine_path: str
) -> RescueResult:
    if repository.configured_path is not None:
        return RescueResult(
            changed=False,
            active_model=str(repository.configured_path),
            reason=f"model.path names {repository.configured_path}, and no other model replaces that",
            quarantine_path=quarantine_path,
        )
    ledger = repository.ledger
    current_title = repository.title(ledger.current)
    replaced = ledger.deployment.title if ledger.deployment else current_title
    operations = ModelOperations(repository, StandaloneHost(repository))
    try:
        operations.roll_back(EndCause.CRASH_LOOP, reason)
    except StoreError as error:
        if repository.ledger == ledger:
            raise
        _log.warning("files that are no longer needed stay on the disk: %s", error)
    except UpdateError as refusal:
        return RescueResult(
            changed=bool(quarantine_path),
            active_model=current_title,
            reason="" if quarantine_path else str(refusal),
            quarantine_path=quarantine_path,
        )
    return RescueResult(
        changed=True,
        replaced_model=replaced,
        active_model=repository.title(repository.ledger.current),
        quarantine_path=quarantine_path,
    )


def _open_or_quarantine(repository: ModelRepository) -> str:
    """Open the store, or an empty one in its place; return the folder of the old one then."""
    try:
        repository.open()
    except StoreError as error:
        _log.error("the model store cannot be opened: %s", error)
        return str(repository.quarantine(LocalFileSystem()))
    return ""
