"""Replaces a model store that cannot be opened with an empty one, which keeps what protects the device."""

import itertools
from contextlib import suppress
from pathlib import Path

from edged.errors import StoreError
from edged.host.files import FileSystem
from edged.updates.bundle.trust_chain import CHAIN_NAME
from edged.updates.rules.ledger import Ledger
from edged.updates.store.lock import LOCK_NAME
from edged.updates.store.store import ModelStore

_PRESERVED_NAMES = frozenset({LOCK_NAME, CHAIN_NAME})
"""The chain of trust files records which keys were revoked."""
_QUARANTINE_PREFIX = "damaged"


def quarantine_store(store: ModelStore, files: FileSystem) -> tuple[Ledger, Path]:
    """Move the content of the store into a folder of its own, for inspection, and open an empty store.

    The security floor, the counters and the denied versions are kept, as far as they can still be read.

    Returns:
        The new ledger, durable, and the folder.

    Raises:
        StoreError: the disk cannot be written.
    """
    known = _recover_ledger(store)
    root = store.root
    folder = next(path for path in _iter_quarantine_paths(root) if not files.exists(path))
    files.make_folder(folder)
    for name in files.list_names(root):
        if name not in _PRESERVED_NAMES and not name.startswith(_QUARANTINE_PREFIX):
            files.rename(root / name, folder / name)
    files.sync_folder(folder)
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
    return ledger, folder


def _recover_ledger(store: ModelStore) -> Ledger:
    with suppress(StoreError):
        return store.load_read_only()
    return Ledger()


def _iter_quarantine_paths(root: Path) -> "itertools.chain[Path]":
    numbered = (root / f"{_QUARANTINE_PREFIX}-{number}" for number in itertools.count(2))
    return itertools.chain([root / _QUARANTINE_PREFIX], numbered)
