"""The installer in a process of its own: ``python -m edged.updates.installer.main FD`` expects its `InstallJob` as the first packet.

The network, cryptography, and files that strangers made stay out of the daemon. It holds the store's lock through a descriptor that it
inherits, says `Progress`, and at the end `Finished`; what came of it stands in the ledger, in the store.
"""

import hashlib
import secrets
import sys
from collections.abc import Callable

from edged import logs
from edged.clock import SystemClock
from edged.config.settings import Settings
from edged.errors import EdgedError
from edged.host.files import LocalFiles
from edged.ipc.child import adopt_socket, live_under_parent
from edged.updates.bundle.trust import Trust, desired_payload
from edged.updates.installer.installer import make_installer, trust_in_force
from edged.updates.installer.messages import (
    MAX_PACKET_BYTES,
    Finished,
    InstallJob,
    Progress,
    pack,
    unpack_job,
)
from edged.updates.rules import desired as rules
from edged.updates.rules.deployment import begin
from edged.updates.rules.ledger import Ledger
from edged.updates.store.store import Store

_MOST_WORDS = 4000


def install(job: InstallJob, tell: Callable[[Progress], None]) -> None:
    """Do what the job says.

    Raises:
        EdgedError: what the channel said is not to be followed; or the store cannot be written.
    """
    settings = Settings(model=job.model, updates=job.updates)
    store = Store(job.root, LocalFiles(), reserve_bytes=int(job.updates.reserve_mb * 1e6))
    ledger = store.open()
    if job.desired:
        ledger = heed(store, ledger, job.desired, trust_in_force(store, settings))
    installer = make_installer(
        store, settings, clock=SystemClock(), tell=tell, device_is_free=job.device_is_free
    )
    installer.advance(ledger)


def heed(store: Store, ledger: Ledger, envelope: bytes, trust: Trust) -> Ledger:
    """Begin what the channel wants, if that is new; that it was heard is recorded with it.

    Raises:
        BundleError: it is not trusted, damaged, or old.
        UpdateError: another update is in flight.
        StoreError: it cannot be recorded.
    """
    payload = desired_payload(trust, envelope)
    desired = rules.read_desired(payload)
    sha256 = hashlib.sha256(payload).hexdigest()
    request = rules.follow(ledger, desired, sha256)
    heard = rules.noted(ledger, desired, sha256)
    if request:
        heard = begin(heard, request, id_=secrets.token_hex(6))
    if heard != ledger:
        store.record(heard)
    return heard


def main(argv: list[str]) -> int:
    """Carry out the one job there is."""
    live_under_parent()
    logs.configure("warning")
    channel = adopt_socket(int(argv[1]))
    job = unpack_job(channel.recv(MAX_PACKET_BYTES))
    error = ""
    try:
        install(job, lambda progress: channel.sendall(pack(progress)))
    except EdgedError as failure:
        error = str(failure)[:_MOST_WORDS]
    channel.sendall(pack(Finished(error=error)))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv))
