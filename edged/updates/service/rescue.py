"""Without a daemon, and whatever state the model store is in: one step back towards the factory model, for a daemon that does not stay up."""

import logging
from collections.abc import Callable
from contextlib import suppress

from msgspec import Struct

from edged.config.settings import Settings
from edged.errors import StoreError, UpdateError
from edged.host.files import LocalFiles
from edged.host.ownership import become_owner
from edged.host.paths import model_store, state_dir
from edged.updates.service.repository import Keeper
from edged.updates.service.standalone import open_store
from edged.updates.store.lock import StoreLock
from edged.updates.store.quarantine import start_anew

_log = logging.getLogger(__name__)


class Rescued(Struct, frozen=True, kw_only=True):
    """What came of it.

    Attributes:
        changed: whether another model will look from now on, or one is no longer on its way in.
        left: ``name@version`` of what gave way; "" if nothing did, or it is not known.
        runs: ``name@version`` of the model with which the daemon will look.
        reason: why nothing gave way; "" if something did.
        set_aside: where the store lies that could not be opened; "" if it could.
    """

    changed: bool
    runs: str
    left: str = ""
    reason: str = ""
    set_aside: str = ""


def rescue(settings: Settings, reason: str, *, now: Callable[[], str]) -> Rescued:
    """Take one step back; it is durable when this returns.

    Raises:
        ConfigError: the state directory cannot be made.
        StoreError: a daemon has the store, or the disk cannot be written.
    """
    become_owner(state_dir(settings))
    with StoreLock(model_store(settings)):
        keeper = Keeper(open_store(settings), settings, now=now)
        set_aside = _open(keeper)
        if keeper.pinned:
            why = f"model.path names {keeper.pinned}, and no other model takes its place"
            return Rescued(changed=False, runs=keeper.pinned, reason=why, set_aside=set_aside)
        before = keeper.title(keeper.ledger.current)
        left = keeper.ledger.deployment.title if keeper.ledger.deployment else before
        try:
            keeper.step_back(reason)
        except StoreError:
            raise
        except UpdateError as nothing:
            why = "" if set_aside else str(nothing)
            return Rescued(changed=bool(set_aside), runs=before, reason=why, set_aside=set_aside)
        with suppress(StoreError):  # what is no longer needed only takes space
            keeper.tidy()
        runs = keeper.title(keeper.ledger.current)
        return Rescued(changed=True, left=left, runs=runs, set_aside=set_aside)


def _open(keeper: Keeper) -> str:
    """Open the store, or an empty one in its place; where the old one lies then."""
    try:
        keeper.open()
    except StoreError as error:
        _log.error("the model store cannot be opened: %s", error)
        keeper.ledger, aside = start_anew(keeper.store, LocalFiles())
        return str(aside)
    return ""
