"""The ledger and the versions of this device, in the hands of the process that owns the store.

A change is decided by a rule (`edged.updates.rules`), and durable (`edged.updates.store.store`) before anything follows from it. Only
this class joins the two.
"""

import secrets
from collections.abc import Callable
from pathlib import Path

from edged.config.settings import Settings
from edged.errors import BundleError, StoreError, UpdateError
from edged.host.files import FileSystem
from edged.updates.rules import deployment, rollback
from edged.updates.rules.baseline import Baseline
from edged.updates.rules.ledger import FACTORY, DeploymentRequest, EndCause, Ledger
from edged.updates.service.control_messages import VersionStatus
from edged.updates.service.installed_versions import RunnableVersion, VersionCatalog, make_runnable
from edged.updates.store.quarantine import quarantine_store
from edged.updates.store.store import ACCEPTANCES_NAME, ModelStore
from edged.vision.active_model import ActiveModel


class ModelRepository:
    """The store with its ledger in memory. Call `open` first, or `load_read_only`."""

    def __init__(self, store: ModelStore, settings: Settings, *, now: Callable[[], str]) -> None:
        """Make a repository with an empty ledger, without reading the store.

        Args:
            store: the model store of this device.
            settings: the configuration, which names the factory model.
            now: returns the time, RFC 3339.
        """
        self._store = store
        self._settings = settings
        self._now = now
        self._ledger = Ledger()
        self._catalog = VersionCatalog(store)

    @property
    def ledger(self) -> Ledger:
        """The ledger, as it was last read or written."""
        return self._ledger

    @property
    def store(self) -> ModelStore:
        """The store."""
        return self._store

    @property
    def settings(self) -> Settings:
        """The configuration in force."""
        return self._settings

    @property
    def configured_path(self) -> Path | None:
        """The file that ``model.path`` names, and that no update replaces; None if the setting is absent."""
        return self._settings.model.path

    def apply_settings(self, settings: Settings) -> None:
        """Use another configuration from now on."""
        self._settings = settings

    def open(self) -> None:
        """Read the ledger, and finish what a crash, or a child, left unfinished.

        Raises:
            StoreError: the disk cannot be used.
        """
        self._ledger = self._store.open()

    def load_read_only(self) -> str | None:
        """Read what can be read, and change nothing: for a store that another process owns, or a disk that fails.

        Returns:
            Why the committed version is not known; None if it is.
        """
        try:
            self._ledger = self._store.load_read_only()
        except StoreError as error:
            return str(error)
        return None

    def quarantine(self, files: FileSystem) -> Path:
        """Replace a store that cannot be opened with an empty one; return the folder in which the old one lies.

        Raises:
            StoreError: the disk cannot be written.
        """
        self._ledger, folder = quarantine_store(self._store, files)
        return folder

    def record_start(self, boot_id: str) -> None:
        """Record a start of the daemon, which can end a trial; not while ``model.path`` names the model.

        Raises:
            StoreError: the disk cannot be used.
        """
        if self.configured_path is None:
            self._record(deployment.record_start(self._ledger, boot_id=boot_id, at=self._now()))

    def mark_clean_shutdown(self) -> None:
        """Record that the daemon is stopping properly.

        Raises:
            StoreError: the disk cannot be used.
        """
        self._record(deployment.mark_clean_shutdown(self._ledger))

    def begin_deployment(self, request: DeploymentRequest) -> str:
        """Accept a request, and return the id of its deployment.

        Raises:
            UpdateError: the configuration allows no updates, or another deployment is in flight.
            StoreError: the disk cannot be used.
        """
        check_updates_allowed(self._settings)
        id_ = secrets.token_hex(6)
        self._record(deployment.begin(self._ledger, request, id_=id_))
        return id_

    def begin_trial(self, boot_id: str, baseline: Baseline) -> None:
        """Record that the candidate is about to become active.

        Raises:
            StoreError: the disk cannot be used.
        """
        self._record(
            deployment.begin_trial(
                self._ledger,
                boot_id=boot_id,
                baseline=baseline,
                at=self._now(),
            )
        )

    def block(self, reason: str) -> None:
        """Record why the deployment in flight cannot continue at the moment.

        Raises:
            UpdateError: no deployment is in flight.
            StoreError: the disk cannot be used.
        """
        self._record(deployment.block(self._ledger, reason, at=self._now()))

    def commit(self, flag_reason: str | None = None) -> str:
        """Commit the version on trial, and return the id of its deployment.

        Raises:
            UpdateError: no version is on trial.
            StoreError: the disk cannot be used; nothing has changed then.
        """
        id_ = rollback.require_deployment(self._ledger).id
        self._record(deployment.commit(self._ledger, at=self._now(), flag_reason=flag_reason))
        return id_

    def roll_back(self, cause: EndCause, reason: str | None = None) -> str:
        """Go one step back by `edged.updates.rules.rollback.roll_back`, and return the id of the record.

        Raises:
            UpdateError: there is no version to go back to.
            StoreError: the disk cannot be used; nothing has changed then.
        """
        ledger = self._ledger
        if ledger.deployment is not None:
            self._record(rollback.roll_back(ledger, cause, reason, at=self._now()))
            return ledger.deployment.id
        id_, title = secrets.token_hex(6), self.title(ledger.current)
        epoch = self._read_previous_epoch()
        self._record(
            rollback.roll_back(
                *(ledger, cause, reason),
                at=self._now(),
                id_=id_,
                current_title=title,
                previous_epoch=epoch,
            )
        )
        return id_

    def collect_garbage(self) -> tuple[str, ...]:
        """Update the links, remove what the ledger does not need, and return the digests of the removed versions.

        Raises:
            StoreError: the disk cannot be used.
        """
        self._store.update_links(self._ledger)
        return self._store.collect_garbage(self._ledger)

    def load_version(self, digest: str) -> RunnableVersion:
        """Read a version and verify it in full; the factory model and one configured by ``model.path`` are not read.

        Raises:
            BundleError: it is missing or damaged.
            StoreError: it cannot be read.
        """
        if digest == FACTORY or self.configured_path is not None:
            model = ActiveModel(settings=self._settings.model, acceptances=self._acceptances)
            return RunnableVersion(model=model)
        self._catalog.forget(digest)
        version = self._store.read_version(digest)
        return make_runnable(version, self._settings.model, self._acceptances)

    @property
    def _acceptances(self) -> Path:
        return self._store.root / ACCEPTANCES_NAME

    def list_versions(self) -> tuple[VersionStatus, ...]:
        """Return all versions on this device, the committed one first and the factory model last."""
        return self._catalog.list_versions(self._ledger, self._settings.model)

    def title(self, digest: str) -> str:
        """Return a version's ``name@version``, or the beginning of its digest if it is damaged."""
        return self._catalog.title(digest, self._settings.model)

    def _read_previous_epoch(self) -> int | None:
        if self._ledger.previous == FACTORY:
            return 0
        try:
            return self._store.read_version(self._ledger.previous).manifest.epoch
        except BundleError:
            return None

    def _record(self, ledger: Ledger) -> None:
        if ledger != self._ledger:
            self._store.write_ledger(ledger)
            self._ledger = ledger


def check_updates_allowed(settings: Settings) -> None:
    """Check that a configuration allows updates at all.

    Raises:
        UpdateError: it does not; the message names the setting.
    """
    if settings.model.path is not None:
        raise UpdateError(
            f"model.path names {settings.model.path}, and no update replaces that: remove the setting to allow updates"
        )
    if settings.updates.trust is None:
        raise UpdateError(
            "no update is allowed without updates.trust: name a file made by `edged trust create`"
        )
