"""The chain of trust files: the provisioned one and its successors, of which the last one is in force.

The successors are stored as a chain, a JSON list of envelopes. Each is verified with the one before it whenever the chain is read: an
attacker who can write the chain can shorten it, and nothing else. The provisioned file may itself be replaced by a newer one; older
versions in the chain are skipped then.
"""

import logging
from dataclasses import dataclass
from pathlib import Path

import msgspec

from edged.errors import BundleError, StoreError
from edged.host.files import FileSystem, replace_file
from edged.text import to_utf8
from edged.updates.bundle.envelope import MAX_ENVELOPE_BYTES
from edged.updates.bundle.trust import TrustFile, verify_successor, verify_trust_file

MAX_CHAIN_BYTES = 4 << 20
CHAIN_NAME = "trust.json"

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class TrustChain:
    """The trust file in force, and its predecessors.

    Attributes:
        trust: the trust file in force.
        envelopes: the successors of the provisioned file that lead to it, newest last.
    """

    trust: TrustFile
    envelopes: tuple[bytes, ...] = ()

    def extend(self, envelope: bytes) -> "TrustChain":
        """Return the chain with one more version; a version that is not newer is skipped.

        Raises:
            TrustError: it is not the next version, or is not signed by the roots that must sign it.
            BundleError: it cannot be read.
        """
        if verify_trust_file(envelope).version <= self.trust.version:
            return self
        return TrustChain(verify_successor(self.trust, envelope), (*self.envelopes, envelope))


def load_trust(provisioned_path: Path, chain_path: Path, files: FileSystem) -> TrustFile:
    """Return the trust file in force.

    Args:
        provisioned_path: the file that ``[updates] trust`` names.
        chain_path: the chain, in the model store; it need not exist.
        files: the disk.

    Raises:
        StoreError: one of them cannot be read, and it is not known which keys were revoked.
        BundleError: the provisioned file is not a trust file, or is not signed by its own root.
    """
    return load_chain(provisioned_path, chain_path, files).trust


def load_chain(provisioned_path: Path, chain_path: Path, files: FileSystem) -> TrustChain:
    """Return the chain of trust files; a version that does not follow ends it.

    Args:
        provisioned_path: the file that ``[updates] trust`` names.
        chain_path: the chain, in the model store; it need not exist.
        files: the disk.

    Raises:
        StoreError: one of them cannot be read, and it is not known which keys were revoked.
        BundleError: the provisioned file is not a trust file, or is not signed by its own root.
    """
    chain = TrustChain(verify_trust_file(_read_provisioned(provisioned_path)))
    if not files.exists(chain_path):
        return chain
    content = files.read(chain_path, MAX_CHAIN_BYTES)
    try:
        for envelope in _decode_chain(content):
            chain = chain.extend(envelope)
    except BundleError as error:
        _log.warning(
            "trust file %d is in force, because %s has no valid successor: %s",
            chain.trust.version,
            chain_path,
            error,
        )
    return chain


def save_chain(chain: TrustChain, chain_path: Path, files: FileSystem) -> None:
    """Write the chain, complete and durable; its folder is made if it is missing.

    Args:
        chain: the chain.
        chain_path: its file.
        files: the disk.

    Raises:
        StoreError: it cannot be written, or is too large.
    """
    content = msgspec.json.encode([msgspec.Raw(envelope) for envelope in chain.envelopes])
    if len(content) > MAX_CHAIN_BYTES:
        raise StoreError(
            f"{chain_path} would be larger than {MAX_CHAIN_BYTES} bytes: replace the file that updates.trust names with a newer one"
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
            return to_utf8(file.read(MAX_ENVELOPE_BYTES + 1))
    except OSError as error:
        raise StoreError(
            f"cannot read {path}, which updates.trust names: {error.strerror or error}"
        ) from error
