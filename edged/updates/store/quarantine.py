"""A model store that cannot be opened gives way to an empty one, which still knows what must not be forgotten."""

import itertools
from contextlib import suppress
from pathlib import Path

from edged.errors import UpdateError
from edged.host.files import Files
from edged.updates.bundle.trusted import CHAIN_NAME
from edged.updates.rules.ledger import Ledger
from edged.updates.store import links
from edged.updates.store.lock import LOCK
from edged.updates.store.store import Store

_STAYS = frozenset({LOCK, CHAIN_NAME})
"""The chain of trust files says which keys were revoked."""
_NAME = "damaged"


def start_anew(store: Store, files: Files) -> tuple[Ledger, Path]:
    """Move what is in the store into a folder of its own, for somebody to look at, and open an empty store.

    The security floor, the counters and what had failed are carried over, as far as they can still be read.

    Returns:
        The ledger, durable, and the folder.

    Raises:
        StoreError: the disk cannot be written.
    """
    known = _still_known(store, files)
    root = store.root
    aside = next(path for path in _names(root) if not files.exists(path))
    files.make_folder(aside)
    for name in files.names(root):
        if name not in _STAYS and not name.startswith(_NAME):
            files.rename(root / name, aside / name)
    files.sync_folder(aside)
    files.sync_folder(root)
    store.open()
    ledger = Ledger(
        epoch=known.epoch,
        counters=known.counters,
        denied=known.denied,
        past=known.past,
        sequence=known.sequence,
        desired=known.desired,
        refresh_h=known.refresh_h,
    )
    store.record(ledger)
    return ledger, aside


def _still_known(store: Store, files: Files) -> Ledger:
    with suppress(UpdateError):
        return store.ledger()
    with suppress(UpdateError):
        return links.ledger_by_links(files, store.root)
    return Ledger()


def _names(root: Path) -> "itertools.chain[Path]":
    numbered = (root / f"{_NAME}-{number}" for number in itertools.count(2))
    return itertools.chain([root / _NAME], numbered)
