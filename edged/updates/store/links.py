"""The links ``current`` and ``previous``: what the ledger says, once more, for whoever finds the ledger lost.

The ledger leads: its row is durable first, then the links follow.
"""

from contextlib import suppress
from pathlib import Path

from edged.errors import BundleError, UpdateError
from edged.host.files import Files, partial
from edged.updates.rules.ledger import FACTORY, Ledger
from edged.updates.store.versions import VERSIONS, is_digest, read_manifest_of, read_version

CURRENT = "current"
PREVIOUS = "previous"


def follow(files: Files, root: Path, ledger: Ledger) -> None:
    """Let the links say what the ledger says; they are durable after `sync_folder`.

    Raises:
        StoreError: they cannot be written.
    """
    for name, digest in ((CURRENT, ledger.current), (PREVIOUS, ledger.previous)):
        path, target = root / name, f"{VERSIONS}/{digest}"
        if digest == FACTORY:
            files.remove(path)
        elif files.link_target(path) != target:
            new = partial(path)
            files.remove(new)
            files.link(target, new)
            files.rename(new, path)


def linked(files: Files, root: Path, name: str) -> str:
    """The digest of the version that a link leads to; `FACTORY` if it leads to none."""
    folder, _, digest = (files.link_target(root / name) or "").partition("/")
    return digest if folder == VERSIONS and is_digest(digest) else FACTORY


def ledger_by_links(files: Files, root: Path) -> Ledger:
    """What the links and the manifests that they lead to still know of a lost ledger.

    The security floor is the epoch of the newest of them, as it was in the ledger. What had failed here is forgotten.

    Raises:
        StoreError: they cannot be read.
    """
    found, epoch, counters = list[str](), 0, dict[str, int]()
    for digest in dict.fromkeys(linked(files, root, name) for name in (CURRENT, PREVIOUS)):
        if digest == FACTORY:
            continue
        with suppress(BundleError):
            manifest = read_manifest_of(files, root / VERSIONS / digest, digest)
            found.append(digest)
            epoch = max(epoch, manifest.epoch)
            counters[manifest.name] = max(counters.get(manifest.name, 0), manifest.counter)
    current, previous, *_ = *found, FACTORY, FACTORY
    return Ledger(current=current, previous=previous, epoch=epoch, counters=counters)


def rescue(root: Path, files: Files) -> Path | None:
    """The folder of a version to look with when the store cannot be opened: of current and previous the first that is whole.

    Returns:
        None if there is none: the factory model, then.
    """
    for name in (CURRENT, PREVIOUS):
        with suppress(UpdateError):
            digest = linked(files, root, name)
            if digest != FACTORY:
                return read_version(files, root / VERSIONS / digest, digest).folder
    return None
