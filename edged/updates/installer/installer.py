"""Takes a deployment from its request to a self-tested version: fetches, verifies and unpacks the bundle, and runs the model on its goldens.

It continues from the state in the ledger: each step can be repeated, and is recorded when it is done. A fault of the bundle rejects it, a
fault of the model denies the version as well, and a shortage of the device only blocks the deployment.
"""

import logging
from collections.abc import Callable

from edged.clock import Clock
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
from edged.redaction import redact_text
from edged.selftest.process import SelfTestKilledError
from edged.updates.bundle.bundle import Bundle, check_goldens, iter_verified_content, open_bundle
from edged.updates.bundle.trust import TrustFile
from edged.updates.installer.configured_trust import load_configured_trust
from edged.updates.installer.download import BundleDownloader
from edged.updates.installer.messages import InstallProgress, ProgressRateLimiter, UnpackProgress
from edged.updates.installer.self_test_gate import self_test_version
from edged.updates.rules import deployment as rules
from edged.updates.rules.compatibility import (
    HostInfo,
    check_admissible,
    find_incompatibilities,
    find_space_shortage,
)
from edged.updates.rules.ledger import Deployment, EndCause, Ledger
from edged.updates.rules.rollback import reject
from edged.updates.store.host_info import detect_host
from edged.updates.store.store import ModelStore
from edged.updates.store.versions import InstalledVersion

_log = logging.getLogger(__name__)


class Installer:
    """Continues the deployment in flight.

    Args:
        store: open, and owned by this process.
        files: the store's disk.
        get_trust: returns the trust in force; an error that it raises blocks the deployment.
        get_host: returns the properties of this host, and its free disk space.
        run_self_test: tests a version; see `edged.updates.installer.self_test_gate.self_test_version`.
        clock: the clock of times and pauses.
        on_progress: receives the progress, ten times per second at most.
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
        self._on_progress = ProgressRateLimiter(on_progress, clock)
        self._downloader = BundleDownloader(store, files, clock)

    def advance(self, ledger: Ledger) -> Ledger:
        """Continue the deployment in flight until it is self-tested, blocked, or rejected.

        Returns:
            The ledger, as the store has it.

        Raises:
            StoreError: the result cannot be recorded.
        """
        steps = {"fetching": self._fetch, "staged": self._unpack, "verified": self._self_test}
        while (deployment := ledger.deployment) and (step := steps.get(deployment.state)):
            try:
                after = step(ledger, deployment)
            except BundleError as error:
                after = self._refuse(ledger, error)
            except (UpdateError, WorkerError, OSError, MemoryError) as error:
                return self._block(ledger, deployment, str(error) or type(error).__name__)
            except Exception as error:  # noqa: BLE001 (one bad request must not end the installer, again and again)
                _log.exception("the step from %s failed unexpectedly", deployment.state)
                after = self._refuse(ledger, _describe_unexpected(error))
            self._store.write_ledger(after)
            ledger = after
        return ledger

    def _fetch(self, ledger: Ledger, deployment: Deployment) -> Ledger:
        """Take the deployment from *fetching* to *staged*."""
        try:
            self._download(deployment)
        except (BundleError, OSError):
            raise
        except (UpdateError, RegistryError) as error:
            # The server of a channel may not have the bundle yet.
            if deployment.request.requested_by == "channel":
                raise
            return self._refuse(ledger, error)
        return rules.record_staged(ledger, at=self._timestamp())

    def _download(self, deployment: Deployment) -> None:
        self._downloader.download(
            deployment,
            lambda done, total: self._on_progress(
                InstallProgress(state="fetching", done_bytes=done, total_bytes=total)
            ),
        )

    def _unpack(self, ledger: Ledger, deployment: Deployment) -> Ledger:
        """Take the deployment from *staged* to *verified*."""
        if not self._downloader.has_download(deployment):
            self._download(deployment)
        path = self._store.download_path(deployment.id)
        trust = self._get_trust()
        with self._files.open(path) as file:
            bundle = open_bundle(file, self._files.size(path), trust)
            manifest = bundle.manifest
            check_admissible(ledger, manifest, bundle.digest)
            if reasons := find_incompatibilities(manifest, self._get_host()):
                raise BundleError(f"{manifest.title} {'; '.join(reasons)}")
            self._check_free_space(bundle)

            def read(name: str) -> bytes:
                return b"".join(iter_verified_content(file, bundle, manifest.file(name)))

            check_goldens(manifest, read)
            progress = UnpackProgress(manifest.size_bytes, self._on_progress)
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
        """Take the deployment from *verified* to *self-tested*."""
        version = self._store.read_version(deployment.digest)
        self._on_progress(InstallProgress(state="self-tested"))
        try:
            self._run_self_test(version)
        except (RegistryError, SelfTestKilledError) as error:
            reason = f"the self-test is not possible on this device: {error}"
            return self._reject(ledger, EndCause.BUNDLE_REFUSED, reason)
        except (ModelError, InvokeError) as error:
            return self._reject(ledger, EndCause.SELF_TEST_FAILED, f"the self-test failed: {error}")
        return rules.record_self_tested(ledger, at=self._timestamp())

    def _check_free_space(self, bundle: Bundle) -> None:
        if shortage := find_space_shortage(bundle.manifest, self._get_host()):
            raise StoreError(shortage)
        self._store.ensure_free_space(bundle.manifest.size_bytes)

    def _refuse(self, ledger: Ledger, error: Exception | str) -> Ledger:
        return self._reject(ledger, EndCause.BUNDLE_REFUSED, str(error))

    def _reject(self, ledger: Ledger, cause: EndCause, reason: str) -> Ledger:
        return reject(ledger, cause, reason, at=self._timestamp())

    def _block(self, ledger: Ledger, deployment: Deployment, reason: str) -> Ledger:
        after = rules.block(ledger, reason, at=self._timestamp())
        if after.deployment and after.deployment.blocked_reason == deployment.blocked_reason:
            # A night without a network must not use up the transitions.
            return ledger
        self._store.write_ledger(after)
        return after

    def _timestamp(self) -> str:
        return rfc3339(self._clock.wall_ns())


def _describe_unexpected(error: Exception) -> str:
    """Say that a step failed in a way that no rule foresees; trying again would fail in the same way."""
    return redact_text(f"unexpected error, {type(error).__name__}: {error}; the log has details")


def make_installer(
    store: ModelStore,
    settings: Settings,
    *,
    clock: Clock,
    on_progress: Callable[[InstallProgress], None],
    is_device_free: bool = False,
) -> Installer:
    """Return the installer of this device.

    Args:
        store: open, and owned by this process.
        settings: the configuration.
        clock: the clock of the host.
        on_progress: receives the progress.
        is_device_free: no other process uses the delegate's device.
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
