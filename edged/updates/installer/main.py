"""The installer process: ``python -m edged.updates.installer.main FD`` expects an `InstallJob` as the first packet.

It keeps the network, cryptography and untrusted files out of the daemon. It holds the store's lock through an inherited descriptor, sends
`InstallProgress`, and at the end `InstallFinished`. Its results are in the ledger of the store.
"""

import hashlib
import logging
import secrets
import sys
from collections.abc import Callable

from edged import logs
from edged.clock import SystemClock
from edged.config.settings import Settings
from edged.errors import EdgedError
from edged.host.files import LocalFileSystem
from edged.ipc.child import adopt_socket, bind_lifetime_to_parent
from edged.redaction import redact_text
from edged.updates.bundle.trust import TrustFile, verify_desired_envelope
from edged.updates.installer.configured_trust import load_configured_trust
from edged.updates.installer.installer import make_installer
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

_log = logging.getLogger(__name__)


def install(job: InstallJob, on_progress: Callable[[InstallProgress], None]) -> None:
    """Carry out a job.

    Raises:
        UpdateError: the desired state is not followed, or the store cannot be written.
    """
    settings = Settings(model=job.model, updates=job.updates)
    min_free_bytes = int(job.updates.reserve_mb * 1e6)
    store = ModelStore(job.store_root, LocalFileSystem(), min_free_bytes=min_free_bytes)
    ledger = store.open()
    if job.desired_envelope:
        ledger = apply_desired_state(
            store, ledger, job.desired_envelope, load_configured_trust(store, settings)
        )
    make_installer(
        *(store, settings),
        clock=SystemClock(),
        on_progress=on_progress,
        is_device_free=job.is_device_free,
    ).advance(ledger)


def apply_desired_state(
    store: ModelStore, ledger: Ledger, envelope: bytes, trust: TrustFile
) -> Ledger:
    """Begin the deployment of a new desired state, and record that it was followed.

    Args:
        store: open, and owned by this process.
        ledger: the present ledger.
        envelope: the message of the update channel.
        trust: the trust file in force.

    Returns:
        The ledger, as the store has it.

    Raises:
        BundleError: the message is not trusted, damaged, or old.
        UpdateError: another update is in flight.
        StoreError: the result cannot be recorded.
    """
    payload = verify_desired_envelope(trust, envelope)
    desired = rules.decode_desired(payload)
    sha256 = hashlib.sha256(payload).hexdigest()
    request = rules.derive_request(ledger, desired, sha256)
    after = rules.record_followed(ledger, desired, sha256)
    if request:
        after = begin(after, request, id_=secrets.token_hex(6))
    if after != ledger:
        store.write_ledger(after)
    return after


def main(argv: list[str]) -> int:
    """Carry out the job that the parent sends; return the exit code."""
    bind_lifetime_to_parent()
    logs.configure("warning")
    channel = adopt_socket(int(argv[1]))
    error = ""
    try:
        job = TO_INSTALLER.decode(channel.recv(TO_INSTALLER.max_bytes))
        install(job, lambda progress: channel.sendall(FROM_INSTALLER.encode(progress)))
    except EdgedError as failure:
        error = str(failure)
    except Exception as failure:  # noqa: BLE001 (the daemon learns the reason from the message alone)
        _log.exception("the installation failed unexpectedly")
        error = f"unexpected error, {type(failure).__name__}: {failure}; the log has details"
    channel.sendall(FROM_INSTALLER.encode(InstallFinished(error=_shorten(error))))
    return 0


def _shorten(error: str) -> str:
    """Return an error as a packet can hold it."""
    return redact_text(error).encode(errors="replace").decode()[:_MAX_ERROR_CHARS]


if __name__ == "__main__":
    sys.exit(main(sys.argv))
