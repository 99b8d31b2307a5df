"""The links ``current`` and ``previous``: what the ledger says, once more, for whoever finds the ledger lost.

The ledger leads: its row is durable first, then the links follow.
"""

from contextlib import suppress
from pathlib import Path

from edged.errors import BundleError, UpdateError
from edged.host.files import FileSystem, temporary_path
from edged.updates.rules.ledger import FACTORY, Ledger
from edged.updates.store.versions import (
    VERSIONS_NAME,
    is_digest,
    read_version,
    read_version_manifest,
)

CURRENT_LINK = "current"
PREVIOUS_LINK = "previous"


def update_links(files: FileSystem, root: Path, ledger: Ledger) -> None:
    """Let the links say what the ledger says; they are durable after `sync_folder`.

    Raises:
        StoreError: they cannot be written.
    """
    for name, digest in ((CURRENT_LINK, ledger.current), (PREVIOUS_LINK, ledger.previous)):
        path, target = root / name, f"{VERSIONS_NAME}/{digest}"
        if digest == FACTORY:
            files.remove(path)
        elif files.read_link(path) != target:
            new = temporary_path(path)
            files.remove(new)
            files.make_link(target, new)
            files.rename(new, path)


def read_linked_digest(files: FileSystem, root: Path, name: str) -> str:
    """The digest of the version that a link leads to; `FACTORY` if it leads to none."""
    folder, _, digest = (files.read_link(root / name) or "").partition("/")
    return digest if folder == VERSIONS_NAME and is_digest(digest) else FACTORY


def rebuild_ledger(files: FileSystem, root: Path) -> Ledger:
    """What the links and the manifests that they lead to still know of a lost ledger.

    The security floor is the epoch of the newest of them, as it was in the ledger. What had failed here is forgotten.

    Raises:
        StoreError: they cannot be read.
    """
    found, epoch, counters = list[str](), 0, dict[str, int]()
    for digest in dict.fromkeys(
        read_linked_digest(files, root, name) for name in (CURRENT_LINK, PREVIOUS_LINK)
    ):
        if digest == FACTORY:
            continue
        with suppress(BundleError):
            manifest = read_version_manifest(files, root / VERSIONS_NAME / digest, digest)
            found.append(digest)
            epoch = max(epoch, manifest.epoch)
            counters[manifest.name] = max(counters.get(manifest.name, 0), manifest.counter)
    current, previous, *_ = *found, FACTORY, FACTORY
    return Ledger(current=current, previous=previous, epoch=epoch, counters=counters)


def find_fallback_version(root: Path, files: FileSystem) -> Path | None:
    """The folder of a version to look with when the store cannot be opened: of current and previous the first that is whole.

    Returns:
        None if there is none: the factory model, then.
    """
    for name in (CURRENT_LINK, PREVIOUS_LINK):
        with suppress(UpdateError):
            digest = read_linked_digest(files, root, name)
            if digest != FACTORY:
                return read_version(files, root / VERSIONS_NAME / digest, digest).folder
    return None
