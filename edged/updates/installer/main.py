"""The installer in a process of its own: ``python -m edged.updates.installer.main FD`` expects its `InstallJob` as the first packet.

The network, cryptography, and files that strangers made stay out of the daemon. It holds the store's lock through a descriptor that it
inherits, says `Progress`, and at the end `InstallFinished`; what came of it stands in the ledger, in the store.
"""

import hashlib
import secrets
import sys
from collections.abc import Callable

from edged import logs
from edged.clock import SystemClock
from edged.config.settings import Settings
from edged.errors import EdgedError
from edged.host.files import LocalFileSystem
from edged.ipc.child import adopt_socket, bind_lifetime_to_parent
from edged.updates.bundle.trust import TrustFile, verify_desired_envelope
from edged.updates.installer.installer import load_configured_trust, make_installer
from edged.updates.installer.messages import (
    FROM_INSTALLER,
    TO_INSTALLER,
    InstallFinished,
    InstallJob,
    InstallProgress,
)
from edged.updates.rules import desired as rules
from edged.updates.rules.deployment import begin
from edged.updates.rules.ledger import Ledger
from edged.updates.store.store import ModelStore

_MAX_ERROR_CHARS = 4000


def install(job: InstallJob, on_progress: Callable[[InstallProgress], None]) -> None:
    """Do what the job says.

    Raises:
        EdgedError: what the channel said is not to be followed; or the store cannot be written.
    """
    settings = Settings(model=job.model, updates=job.updates)
    store = ModelStore(
        job.store_root, LocalFileSystem(), min_free_bytes=int(job.updates.reserve_mb * 1e6)
    )
    ledger = store.open()
    if job.desired_envelope:
        ledger = apply_desired_state(
            store, ledger, job.desired_envelope, load_configured_trust(store, settings)
        )
    installer = make_installer(
        store,
        settings,
        clock=SystemClock(),
        on_progress=on_progress,
        is_device_free=job.is_device_free,
    )
    installer.advance(ledger)


def apply_desired_state(
    store: ModelStore, ledger: Ledger, envelope: bytes, trust: TrustFile
) -> Ledger:
    """Begin what the channel wants, if that is new; that it was heard is recorded with it.

    Raises:
        BundleError: it is not trusted, damaged, or old.
        UpdateError: another update is in flight.
        StoreError: it cannot be recorded.
    """
    payload = verify_desired_envelope(trust, envelope)
    desired = rules.decode_desired(payload)
    sha256 = hashlib.sha256(payload).hexdigest()
    request = rules.derive_request(ledger, desired, sha256)
    heard = rules.record_followed(ledger, desired, sha256)
    if request:
        heard = begin(heard, request, id_=secrets.token_hex(6))
    if heard != ledger:
        store.write_ledger(heard)
    return heard


def main(argv: list[str]) -> int:
    """Carry out the one job there is."""
    bind_lifetime_to_parent()
    logs.configure("warning")
    channel = adopt_socket(int(argv[1]))
    job = TO_INSTALLER.decode(channel.recv(TO_INSTALLER.max_bytes))
    error = ""
    try:
        install(job, lambda progress: channel.sendall(FROM_INSTALLER.encode(progress)))
    except EdgedError as failure:
        error = str(failure)[:_MAX_ERROR_CHARS]
    channel.sendall(FROM_INSTALLER.encode(InstallFinished(error=error)))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv))
