"""The keys that the configuration of this device accepts."""

from pathlib import Path

from edged.config.settings import Settings
from edged.errors import BundleError, UpdateError
from edged.host.files import LocalFileSystem
from edged.text import read_content
from edged.updates.bundle.keys import PublicKey, decode_public_key
from edged.updates.bundle.trust import TrustFile, add_local_key
from edged.updates.bundle.trust_chain import CHAIN_NAME, load_trust
from edged.updates.store.store import ModelStore


def load_configured_trust(store: ModelStore, settings: Settings) -> TrustFile:
    """Return the trust file in force on this device, with the device's own key if it has one.

    Raises:
        UpdateError: no trust file is configured, or it cannot be used.
    """
    provisioned = settings.updates.trust
    if provisioned is None:
        raise UpdateError(
            "no update is allowed without updates.trust: name a file made by `edged trust create`"
        )
    try:
        trust = load_trust(provisioned, store.root / CHAIN_NAME, LocalFileSystem())
    except BundleError as error:  # this is not the bundle's fault
        raise UpdateError(f"the trust file {provisioned} cannot be used: {error}") from error
    local_key = settings.updates.local_key
    return add_local_key(trust, _read_local_key(local_key)) if local_key else trust


def _read_local_key(path: Path) -> PublicKey:
    try:
        return decode_public_key(read_content(path), name=path.name)
    except (OSError, BundleError) as error:
        reason = getattr(error, "strerror", None) or error
        raise UpdateError(
            f"the key {path}, which updates.local_key names, cannot be used: {reason}; make one by `edged trust key`"
        ) from error
