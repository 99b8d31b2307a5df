"""Without a daemon, and whatever state the model store is in: one step back towards the factory model, for a daemon that does not stay up."""

import logging
from collections.abc import Callable
from contextlib import suppress

from msgspec import Struct

from edged.config.settings import Settings
from edged.errors import StoreError, UpdateError
from edged.host.files import LocalFileSystem
from edged.host.ownership import become_owner
from edged.host.paths import model_store_dir, state_dir
from edged.updates.service.model_control import open_store
from edged.updates.service.repository import ModelRepository
from edged.updates.store.lock import StoreLock
from edged.updates.store.quarantine import quarantine_store

_log = logging.getLogger(__name__)


class RescueResult(Struct, frozen=True, kw_only=True):
    """What came of it.

    Attributes:
        changed: whether another model will look from now on, or one is no longer on its way in.
        replaced_model: ``name@version`` of what gave way; "" if nothing did, or it is not known.
        active_model: ``name@version`` of the model with which the daemon will look.
        reason: why nothing gave way; "" if something did.
        quarantine_path: where the store lies that could not be opened; "" if it could.
    """

    changed: bool
    active_model: str
    replaced_model: str = ""
    reason: str = ""
    quarantine_path: str = ""


def rescue(settings: Settings, reason: str, *, now: Callable[[], str]) -> RescueResult:
    """Take one step back; it is durable when this returns.

    Raises:
        ConfigError: the state directory cannot be made.
        StoreError: a daemon has the store, or the disk cannot be written.
    """
    become_owner(state_dir(settings))
    with StoreLock(model_store_dir(settings)):
        keeper = ModelRepository(open_store(settings), settings, now=now)
        set_aside = _open_or_quarantine(keeper)
        if keeper.pinned_path:
            why = f"model.path names {keeper.pinned_path}, and no other model takes its place"
            return RescueResult(
                changed=False,
                active_model=keeper.pinned_path,
                reason=why,
                quarantine_path=set_aside,
            )
        before = keeper.title(keeper.ledger.current)
        left = keeper.ledger.deployment.title if keeper.ledger.deployment else before
        try:
            keeper.fall_back(reason)
        except StoreError:
            raise
        except UpdateError as nothing:
            why = "" if set_aside else str(nothing)
            return RescueResult(
                changed=bool(set_aside), active_model=before, reason=why, quarantine_path=set_aside
            )
        with suppress(StoreError):  # what is no longer needed only takes space
            keeper.collect_garbage()
        runs = keeper.title(keeper.ledger.current)
        return RescueResult(
            changed=True, replaced_model=left, active_model=runs, quarantine_path=set_aside
        )


def _open_or_quarantine(repository: ModelRepository) -> str:
    """Open the store, or an empty one in its place; where the old one lies then."""
    try:
        repository.open()
    except StoreError as error:
        _log.error("the model store cannot be opened: %s", error)
        repository.ledger, aside = quarantine_store(repository.store, LocalFileSystem())
        return str(aside)
    return ""
