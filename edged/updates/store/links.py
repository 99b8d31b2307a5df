"""The links ``current`` and ``previous``: a second record of the committed versions, for a ledger that is lost.

The ledger leads: it is durable first, then the links follow.
"""

from contextlib import suppress
from pathlib import Path

from edged.errors import BundleError
from edged.host.files import FileSystem, temporary_path
from edged.updates.rules.ledger import FACTORY, Ledger
from edged.updates.store.versions import VERSIONS_NAME, is_digest, read_version_manifest

CURRENT_LINK = "current"
PREVIOUS_LINK = "previous"


def update_links(files: FileSystem, root: Path, ledger: Ledger) -> None:
    """Make the links agree with the ledger; they are durable after `sync_folder`.

    Args:
        files: the disk.
        root: the store's folder.
        ledger: the present ledger.

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


def read_linked_versions(files: FileSystem, root: Path) -> tuple[str, str]:
    """Return the digests to which the links lead, current and previous; `FACTORY` for a link that leads to no version.

    Raises:
        StoreError: they cannot be read.
    """
    current, previous = (
        _read_linked_digest(files, root / name) for name in (CURRENT_LINK, PREVIOUS_LINK)
    )
    return current, previous


def rebuild_ledger(files: FileSystem, root: Path) -> Ledger:
    """Return what the links, and the manifests to which they lead, still say of a lost ledger; nothing is written.

    A version whose manifest is damaged is left out. The security floor is the highest epoch of the manifests, as it was in the ledger.
    Earlier failures are forgotten.

    Raises:
        StoreError: they cannot be read.
    """
    found, epoch, counters = list[str](), 0, dict[str, int]()
    for digest in dict.fromkeys(read_linked_versions(files, root)):
        if digest == FACTORY:
            continue
        with suppress(BundleError):
            manifest = read_version_manifest(files, root / VERSIONS_NAME / digest, digest)
            found.append(digest)
            epoch = max(epoch, manifest.epoch)
            counters[manifest.name] = max(counters.get(manifest.name, 0), manifest.counter)
    current, previous, *_ = *found, FACTORY, FACTORY
    return Ledger(current=current, previous=previous, epoch=epoch, counters=counters)


def _read_linked_digest(files: FileSystem, path: Path) -> str:
    folder, _, digest = (files.read_link(path) or "").partition("/")
    return digest if folder == VERSIONS_NAME and is_digest(digest) else FACTORY
