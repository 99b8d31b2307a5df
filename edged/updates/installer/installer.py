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
from edged.host.files import FileSystem, LocalFileSystem
from edged.messaging.contract.header import rfc3339
from edged.updates.bundle.bundle import Bundle, check_goldens, iter_verified_content, open_bundle
from edged.updates.bundle.trust import TrustFile
from edged.updates.bundle.trust_chain import CHAIN_NAME, load_trust
from edged.updates.installer.download import BundleDownloader
from edged.updates.installer.messages import InstallProgress
from edged.updates.installer.self_test_gate import self_test_version
from edged.updates.rules import deployment as rules
from edged.updates.rules.compatibility import HostInfo, find_incompatibilities, find_space_shortage
from edged.updates.rules.ledger import Deployment, Ledger
from edged.updates.store.host_info import detect_host
from edged.updates.store.store import InstalledVersion, ModelStore

_PROGRESS_INTERVAL_S = 0.1


class Installer:
    """See the module.

    Args:
        store: opened, and nobody else's.
        files: the store's disk.
        get_trust: gives the trust in force; what it raises hinders the deployment.
        get_host: says what this host is, and how much room it has now.
        run_self_test: tries a version; see `edged.updates.installer.self_test_gate.self_test_version`.
        clock: for times and pauses.
        on_progress: told of progress, some ten times a second at most.
    """

    def __init__(
        self,
        store: ModelStore,
        *,
        files: FileSystem,
        get_trust: Callable[[], TrustFile],
        get_host: Callable[[], HostInfo],
        run_self_test: Callable[[InstalledVersion], None],
        clock: Clock,
        on_progress: Callable[[InstallProgress], None],
    ) -> None:
        self._store = store
        self._files = files
        self._get_trust = get_trust
        self._get_host = get_host
        self._run_self_test = run_self_test
        self._clock = clock
        self._on_progress = _ProgressRateLimiter(on_progress, clock)
        self._downloader = BundleDownloader(store, files, clock)

    def advance(self, ledger: Ledger) -> Ledger:
        """Go on with the deployment in flight until it is self-tested, is over, or something hinders it.

        Returns:
            The ledger, as it stands in the store.

        Raises:
            StoreError: not even that can be written down.
        """
        steps = {"fetching": self._fetch, "staged": self._unpack, "verified": self._self_test}
        while (going := ledger.deployment) and (step := steps.get(going.state)):
            try:
                after = step(ledger, going)
            except BundleError as error:
                after = rules.reject(ledger, str(error), at=self._timestamp())
            except (UpdateError, WorkerError, OSError) as error:
                return self._block(ledger, going, str(error))
            self._store.write_ledger(after)
            ledger = after
        return ledger

    def _fetch(self, ledger: Ledger, deployment: Deployment) -> Ledger:
        """From *fetching* to *staged*."""
        try:
            self._download(deployment)
        except (BundleError, OSError):
            raise
        except (UpdateError, RegistryError) as error:
            # A channel's server may not have everything yet.
            if deployment.request.requested_by == "channel":
                raise
            return rules.reject(ledger, str(error), at=self._timestamp())
        return rules.record_staged(ledger, at=self._timestamp())

    def _download(self, deployment: Deployment) -> None:
        self._downloader.download(
            deployment,
            lambda done, total: self._on_progress(_make_progress("fetching", done, total)),
        )

    def _unpack(self, ledger: Ledger, deployment: Deployment) -> Ledger:
        """From *staged* to *verified*."""
        if not self._downloader.has_download(deployment):
            self._download(deployment)
        path = self._store.download_path(deployment.id)
        trust = self._get_trust()
        with self._files.open(path) as file:
            bundle = open_bundle(file, self._files.size(path), trust)
            manifest = bundle.manifest
            rules.check_admissible(ledger, manifest, bundle.digest)
            if reasons := find_incompatibilities(manifest, self._get_host()):
                raise BundleError(f"{manifest.title} {'; '.join(reasons)}")
            self._check_free_space(bundle)

            def read(name: str) -> bytes:
                return b"".join(iter_verified_content(file, bundle, manifest.file(name)))

            check_goldens(manifest, read)
            progress = _UnpackProgress(manifest.size_bytes, self._on_progress)
            self._store.add_version(
                bundle.digest,
                bundle.envelope,
                (
                    (entry.name, progress.count_pieces(iter_verified_content(file, bundle, entry)))
                    for entry in manifest.files
                ),
            )
        return rules.record_verified(ledger, manifest, bundle.digest, at=self._timestamp())

    def _self_test(self, ledger: Ledger, deployment: Deployment) -> Ledger:
        """From *verified* to *self-tested*."""
        version = self._store.read_version(deployment.digest)
        self._on_progress(_make_progress("self-tested"))
        try:
            self._run_self_test(version)
        except (ModelError, InvokeError) as error:
            reason = f"the self-test: {error}"
            return rules.reject(ledger, reason, at=self._timestamp(), deny=True)
        except RegistryError as error:
            return rules.reject(ledger, f"the self-test: {error}", at=self._timestamp())
        return rules.record_self_tested(ledger, at=self._timestamp())

    def _check_free_space(self, bundle: Bundle) -> None:
        if lacking := find_space_shortage(bundle.manifest, self._get_host()):
            raise StoreError(lacking)
        self._store.ensure_free_space(bundle.manifest.size_bytes)

    def _block(self, ledger: Ledger, deployment: Deployment, reason: str) -> Ledger:
        after = rules.block(ledger, reason, at=self._timestamp())
        if after.deployment and after.deployment.blocked_reason == deployment.blocked_reason:
            return (
                ledger  # that is known; a night without a network must not use up its transitions
            )
        self._store.write_ledger(after)
        return after

    def _timestamp(self) -> str:
        return rfc3339(self._clock.wall_ns())


def make_installer(
    store: ModelStore,
    settings: Settings,
    *,
    clock: Clock,
    on_progress: Callable[[InstallProgress], None],
    is_device_free: bool = False,
) -> Installer:
    """The installer of this device.

    Args:
        store: opened, and nobody else's.
        settings: the configuration.
        clock: the host's.
        on_progress: told of progress.
        is_device_free: nobody uses the delegate's device.
    """
    return Installer(
        store,
        files=LocalFileSystem(),
        get_trust=lambda: load_configured_trust(store, settings),
        get_host=lambda: detect_host(store.root),
        run_self_test=lambda version: self_test_version(
            version, settings.model, is_device_free=is_device_free, clock=clock
        ),
        clock=clock,
        on_progress=on_progress,
    )


def load_configured_trust(store: ModelStore, settings: Settings) -> TrustFile:
    """Whose signatures count on this device.

    Raises:
        UpdateError: no trust file is configured, or it cannot be used.
    """
    provisioned = settings.updates.trust
    if provisioned is None:
        raise UpdateError("no update is taken without updates.trust")
    try:
        return load_trust(provisioned, store.root / CHAIN_NAME, LocalFileSystem())
    except BundleError as error:  # it is no bundle's fault
        raise UpdateError(f"the trust file {provisioned} cannot be used: {error}") from error


class _ProgressRateLimiter:
    """Passes on what is worth it: each new state, each end, and else not too often."""

    def __init__(self, on_progress: Callable[[InstallProgress], None], clock: Clock) -> None:
        self._on_progress = on_progress
        self._clock = clock
        self._last: InstallProgress | None = None
        self._due_ns = 0

    def __call__(self, progress: InstallProgress) -> None:
        now_ns = self._clock.monotonic_ns()
        new = self._last is None or progress.state != self._last.state
        whole = progress.total_bytes > 0 and progress.done_bytes == progress.total_bytes
        if (new or whole or now_ns >= self._due_ns) and progress != self._last:
            self._last = progress
            self._due_ns = now_ns + int(_PROGRESS_INTERVAL_S * NS_PER_S)
            self._on_progress(progress)


class _UnpackProgress:
    """Counts what comes out of a bundle."""

    def __init__(self, total_bytes: int, on_progress: Callable[[InstallProgress], None]) -> None:
        self._total_bytes = total_bytes
        self._done_bytes = 0
        self._on_progress = on_progress

    def count_pieces(self, pieces: Iterator[bytes]) -> Iterator[bytes]:
        for piece in pieces:
            yield piece
            self._done_bytes += len(piece)
            self._on_progress(_make_progress("verified", self._done_bytes, self._total_bytes))


def _make_progress(state: str, done_bytes: int = 0, total_bytes: int = 0) -> InstallProgress:
    return InstallProgress(state=state, done_bytes=done_bytes, total_bytes=total_bytes)
