"""A model store that cannot be opened gives way to an empty one, which still knows what must not be forgotten."""

import itertools
from contextlib import suppress
from pathlib import Path

from edged.errors import UpdateError
from edged.host.files import FileSystem
from edged.updates.bundle.trust_chain import CHAIN_NAME
from edged.updates.rules.ledger import Ledger
from edged.updates.store import links
from edged.updates.store.lock import LOCK_NAME
from edged.updates.store.store import ModelStore

_PRESERVED_NAMES = frozenset({LOCK_NAME, CHAIN_NAME})
"""The chain of trust files says which keys were revoked."""
_QUARANTINE_PREFIX = "damaged"


def quarantine_store(store: ModelStore, files: FileSystem) -> tuple[Ledger, Path]:
    """Move what is in the store into a folder of its own, for somebody to look at, and open an empty store.

    The security floor, the counters and what had failed are carried over, as far as they can still be read.

    Returns:
        The ledger, durable, and the folder.

    Raises:
        StoreError: the disk cannot be written.
    """
    known = _recover_ledger(store, files)
    root = store.root
    aside = next(path for path in _iter_quarantine_paths(root) if not files.exists(path))
    files.make_folder(aside)
    for name in files.list_names(root):
        if name not in _PRESERVED_NAMES and not name.startswith(_QUARANTINE_PREFIX):
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
        desired_sha256=known.desired_sha256,
        refresh_h=known.refresh_h,
    )
    store.write_ledger(ledger)
    return ledger, aside


def _recover_ledger(store: ModelStore, files: FileSystem) -> Ledger:
    with suppress(UpdateError):
        return store.read_ledger()
    with suppress(UpdateError):
        return links.rebuild_ledger(files, store.root)
    return Ledger()


def _iter_quarantine_paths(root: Path) -> "itertools.chain[Path]":
    numbered = (root / f"{_QUARANTINE_PREFIX}-{number}" for number in itertools.count(2))
    return itertools.chain([root / _QUARANTINE_PREFIX], numbered)
