"""Which trust file is in force: the one that came with the device, or the last of its successors that the device was given.

The successors are kept as a chain, a JSON list of envelopes, and each is verified anew by the one before it whenever they are read: who
can write the chain can shorten it, and no more. The file that comes with the device may itself be replaced by a newer one; what
stands in the chain up to that is passed over.
"""

import logging
from dataclasses import dataclass
from pathlib import Path

import msgspec

from edged.errors import BundleError, StoreError
from edged.host.files import FileSystem, replace_file
from edged.updates.bundle.envelope import MAX_ENVELOPE_BYTES
from edged.updates.bundle.trust import TrustFile, verify_successor, verify_trust_file

MAX_CHAIN_BYTES = 4 << 20
CHAIN_NAME = "trust.json"

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class TrustChain:
    """The trust in force, and the successors of the provisioned one that led to it, the latest last."""

    trust: TrustFile
    envelopes: tuple[bytes, ...] = ()

    def extend(self, envelope: bytes) -> "TrustChain":
        """One version further; a version that has been overtaken is passed over.

        Raises:
            TrustError: it does not follow, or its own root has not signed it.
            BundleError: it cannot be read.
        """
        if verify_trust_file(envelope).version <= self.trust.version:
            return self
        return TrustChain(verify_successor(self.trust, envelope), (*self.envelopes, envelope))


def load_trust(provisioned_path: Path, chain_path: Path, files: FileSystem) -> TrustFile:
    """The trust in force.

    Args:
        provisioned_path: the file that ``[updates] trust`` names.
        chain_path: the chain, in the model store; it need not be there.
        files: the disk.

    Raises:
        StoreError: one of them cannot be read: which keys were revoked is not known then.
        BundleError: it is no trust file, or not signed by its own root.
    """
    return load_chain(provisioned_path, chain_path, files).trust


def load_chain(provisioned_path: Path, chain_path: Path, files: FileSystem) -> TrustChain:
    """The same with the successors that led to it, as far as they do: what does not follow counts for nothing, with all after it."""
    chain = TrustChain(verify_trust_file(_read_provisioned(provisioned_path)))
    if not files.exists(chain_path):
        return chain
    content = files.read(chain_path, MAX_CHAIN_BYTES)
    try:
        for envelope in _decode_chain(content):
            chain = chain.extend(envelope)
    except BundleError as error:
        _log.warning(
            "trust file %d is in force, %s leads no further: %s",
            chain.trust.version,
            chain_path,
            error,
        )
    return chain


def save_chain(chain: TrustChain, chain_path: Path, files: FileSystem) -> None:
    """Keep it, whole and durable, in a folder that is made if it is not there.

    Raises:
        StoreError: it cannot be written, or is too long.
    """
    content = msgspec.json.encode([msgspec.Raw(envelope) for envelope in chain.envelopes])
    if len(content) > MAX_CHAIN_BYTES:
        raise StoreError(
            f"{chain_path} would be larger than {MAX_CHAIN_BYTES} bytes: replace the file that updates.trust names by a newer one"
        )
    if not files.exists(chain_path.parent):
        files.make_folder(chain_path.parent)
        files.sync_folder(chain_path.parent.parent)
    replace_file(files, chain_path, content)


def _decode_chain(content: bytes) -> tuple[bytes, ...]:
    try:
        return tuple(bytes(one) for one in msgspec.json.decode(content, type=list[msgspec.Raw]))
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise BundleError(f"the chain of trust files cannot be read: {error}") from error


def _read_provisioned(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            return file.read(MAX_ENVELOPE_BYTES + 1)
    except OSError as error:
        raise StoreError(
            f"cannot read {path}, which updates.trust names: {error.strerror or error}"
        ) from error
