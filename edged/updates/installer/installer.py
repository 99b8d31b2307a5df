"""Brings a deployment from its request to a model that was tried: fetched, verified, unpacked, and run on its goldens.

Whatever state the ledger is in, it goes on from there: each step can be done again, and is recorded when it is done. What a bundle does
wrong rejects it; what a model does wrong denies it for good; what the device lacks at the moment only hinders it.
"""

from collections.abc import Callable, Iterator

from edged.clock import NS_PER_S, Clock
from edged.config.settings import Settings
from edged.errors import (
    BundleError,
    InvokeError,
    ModelError,
    RegistryError,
    StoreError,
    UpdateError,
    WorkerError,
)
from edged.host.files import Files, LocalFiles
from edged.messaging.contract.header import rfc3339
from edged.updates.bundle.bundle import Bundle, check_goldens, content, open_bundle
from edged.updates.bundle.trust import Trust
from edged.updates.bundle.trusted import CHAIN_NAME, load_trust
from edged.updates.installer.download import Receiver
from edged.updates.installer.messages import Progress
from edged.updates.installer.self_test_gate import prove
from edged.updates.rules import deployment as rules
from edged.updates.rules.compatibility import Host, lacks_room, unfit
from edged.updates.rules.ledger import Deployment, Ledger
from edged.updates.store.host import this_host
from edged.updates.store.store import InstalledVersion, Store

_TELL_EVERY_S = 0.1


class Installer:
    """See the module.

    Args:
        store: opened, and nobody else's.
        files: the store's disk.
        trust: gives the trust in force; what it raises hinders the deployment.
        host: says what this host is, and how much room it has now.
        prove: tries a version; see `edged.updates.installer.self_test_gate.prove`.
        clock: for times and pauses.
        tell: told of progress, some ten times a second at most.
    """

    def __init__(
        self,
        store: Store,
        *,
        files: Files,
        trust: Callable[[], Trust],
        host: Callable[[], Host],
        prove: Callable[[InstalledVersion], None],
        clock: Clock,
        tell: Callable[[Progress], None],
    ) -> None:
        self._store = store
        self._files = files
        self._trust = trust
        self._host = host
        self._prove_version = prove
        self._clock = clock
        self._tell = _Pace(tell, clock)
        self._receiver = Receiver(store, files, clock)

    def advance(self, ledger: Ledger) -> Ledger:
        """Go on with the deployment in flight until it is self-tested, is over, or something hinders it.

        Returns:
            The ledger, as it stands in the store.

        Raises:
            StoreError: not even that can be written down.
        """
        steps = {"fetching": self._fetch, "staged": self._unpack, "verified": self._prove}
        while (going := ledger.deployment) and (step := steps.get(going.state)):
            try:
                after = step(ledger, going)
            except BundleError as error:
                after = rules.reject(ledger, str(error), at=self._at())
            except (UpdateError, WorkerError, OSError) as error:
                return self._hinder(ledger, going, str(error))
            self._store.record(after)
            ledger = after
        return ledger

    def _fetch(self, ledger: Ledger, going: Deployment) -> Ledger:
        """From *fetching* to *staged*."""
        try:
            self._receive(going)
        except (BundleError, OSError):
            raise
        except (UpdateError, RegistryError) as error:
            # A channel's server may not have everything yet.
            if going.request.requested_by == "channel":
                raise
            return rules.reject(ledger, str(error), at=self._at())
        return rules.staged(ledger, at=self._at())

    def _receive(self, going: Deployment) -> None:
        self._receiver.receive(
            going, lambda done, total: self._tell(_progress("fetching", done, total))
        )

    def _unpack(self, ledger: Ledger, going: Deployment) -> Ledger:
        """From *staged* to *verified*."""
        if not self._receiver.is_here(going):
            self._receive(going)
        path = self._store.incoming(going.id)
        trust = self._trust()
        with self._files.open(path) as file:
            bundle = open_bundle(file, self._files.size(path), trust)
            manifest = bundle.manifest
            rules.admit(ledger, manifest, bundle.digest)
            if reasons := unfit(manifest, self._host()):
                raise BundleError(f"{manifest.title} {'; '.join(reasons)}")
            self._look_for_room(bundle)

            def read(name: str) -> bytes:
                return b"".join(content(file, bundle, manifest.file(name)))

            check_goldens(manifest, read)
            progress = _Unpacked(manifest.size_bytes, self._tell)
            self._store.add_version(
                bundle.digest,
                bundle.envelope,
                (
                    (entry.name, progress.watch(content(file, bundle, entry)))
                    for entry in manifest.files
                ),
            )
        return rules.verified(ledger, manifest, bundle.digest, at=self._at())

    def _prove(self, ledger: Ledger, going: Deployment) -> Ledger:
        """From *verified* to *self-tested*."""
        version = self._store.version(going.digest)
        self._tell(_progress("self-tested"))
        try:
            self._prove_version(version)
        except (ModelError, InvokeError) as error:
            reason = f"the self-test: {error}"
            return rules.reject(ledger, reason, at=self._at(), deny=True)
        except RegistryError as error:
            return rules.reject(ledger, f"the self-test: {error}", at=self._at())
        return rules.tested(ledger, at=self._at())

    def _look_for_room(self, bundle: Bundle) -> None:
        if lacking := lacks_room(bundle.manifest, self._host()):
            raise StoreError(lacking)
        self._store.room_for(bundle.manifest.size_bytes)

    def _hinder(self, ledger: Ledger, going: Deployment, reason: str) -> Ledger:
        after = rules.hindered(ledger, reason, at=self._at())
        if after.deployment and after.deployment.hindrance == going.hindrance:
            return (
                ledger  # that is known; a night without a network must not use up its transitions
            )
        self._store.record(after)
        return after

    def _at(self) -> str:
        return rfc3339(self._clock.wall_ns())


def make_installer(
    store: Store,
    settings: Settings,
    *,
    clock: Clock,
    tell: Callable[[Progress], None],
    device_is_free: bool = False,
) -> Installer:
    """The installer of this device.

    Args:
        store: opened, and nobody else's.
        settings: the configuration.
        clock: the host's.
        tell: told of progress.
        device_is_free: nobody uses the delegate's device.
    """
    return Installer(
        store,
        files=LocalFiles(),
        trust=lambda: trust_in_force(store, settings),
        host=lambda: this_host(store.root),
        prove=lambda version: prove(
            version, settings.model, device_is_free=device_is_free, clock=clock
        ),
        clock=clock,
        tell=tell,
    )


def trust_in_force(store: Store, settings: Settings) -> Trust:
    """Whose signatures count on this device.

    Raises:
        UpdateError: no trust file is configured, or it cannot be used.
    """
    provisioned = settings.updates.trust
    if provisioned is None:
        raise UpdateError("no update is taken without updates.trust")
    try:
        return load_trust(provisioned, store.root / CHAIN_NAME, LocalFiles())
    except BundleError as error:  # it is no bundle's fault
        raise UpdateError(f"the trust file {provisioned} cannot be used: {error}") from error


class _Pace:
    """Passes on what is worth it: each new state, each end, and else not too often."""

    def __init__(self, tell: Callable[[Progress], None], clock: Clock) -> None:
        self._tell = tell
        self._clock = clock
        self._last: Progress | None = None
        self._due_ns = 0

    def __call__(self, progress: Progress) -> None:
        now_ns = self._clock.monotonic_ns()
        new = self._last is None or progress.state != self._last.state
        whole = progress.total_bytes > 0 and progress.done_bytes == progress.total_bytes
        if (new or whole or now_ns >= self._due_ns) and progress != self._last:
            self._last = progress
            self._due_ns = now_ns + int(_TELL_EVERY_S * NS_PER_S)
            self._tell(progress)


class _Unpacked:
    """Counts what comes out of a bundle."""

    def __init__(self, total_bytes: int, tell: Callable[[Progress], None]) -> None:
        self._total_bytes = total_bytes
        self._done_bytes = 0
        self._tell = tell

    def watch(self, pieces: Iterator[bytes]) -> Iterator[bytes]:
        for piece in pieces:
            yield piece
            self._done_bytes += len(piece)
            self._tell(_progress("verified", self._done_bytes, self._total_bytes))


def _progress(state: str, done_bytes: int = 0, total_bytes: int = 0) -> Progress:
    return Progress(state=state, done_bytes=done_bytes, total_bytes=total_bytes)
