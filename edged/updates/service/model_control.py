"""Controls the models of this device for a command: through the daemon if one runs, otherwise on the store itself."""

from collections.abc import Callable
from datetime import UTC, datetime
from types import TracebackType
from typing import Protocol, Self

from edged.clock import SystemClock
from edged.config.settings import Settings
from edged.errors import StoreError
from edged.host.files import LocalFileSystem
from edged.host.ownership import become_owner
from edged.host.paths import model_store_dir, state_dir
from edged.updates.installer.messages import InstallProgress
from edged.updates.rules.ledger import DeploymentRequest, EndCause, Ledger
from edged.updates.service.control_messages import ControlRequest, ControlResponse
from edged.updates.service.control_socket import ControlClient, has_control_socket
from edged.updates.service.operations import ModelOperations, RuntimeStatus
from edged.updates.service.repository import ModelRepository
from edged.updates.store.lock import StoreLock
from edged.updates.store.store import ModelStore

ProgressCallback = Callable[[str, float], None]
"""Receives the progress of an installation: the state, and 0..1."""


class ModelControl(Protocol):
    """Executes control requests; a context manager, because it may hold the store."""

    def execute(self, control_request: ControlRequest) -> ControlResponse:
        """Execute a request, and return the response, which may be a refusal.

        Raises:
            UpdateError: there is no response.
        """

    def __enter__(self) -> Self:
        """Return the control itself."""

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Release the store."""


def connect(settings: Settings, on_progress: ProgressCallback) -> ModelControl:
    """Return the control of this device: its daemon, or, if none runs, this process.

    Raises:
        ConfigError: the state directory cannot be made.
        StoreError: the store cannot be opened.
    """
    become_owner(state_dir(settings))
    lock = StoreLock(model_store_dir(settings))
    try:
        lock.acquire()
    except StoreError as error:
        if isinstance(error.__cause__, BlockingIOError) and has_control_socket(state_dir(settings)):
            return _DaemonControl(settings)
        raise
    try:
        repository = ModelRepository(open_store(settings), settings, now=now)
        repository.open()
    except BaseException:
        lock.release()
        raise
    return StandaloneControl(repository, lock, on_progress)


def now() -> str:
    """Return the time by the host's clock, RFC 3339."""
    return datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def open_store(settings: Settings) -> ModelStore:
    """Return the store of this device, without touching the disk of an existing state directory.

    Raises:
        ConfigError: the state directory cannot be made.
    """
    return ModelStore(
        model_store_dir(settings),
        LocalFileSystem(),
        min_free_bytes=int(settings.updates.reserve_mb * 1e6),
    )


class _DaemonControl(ControlClient):
    """A running daemon, through its control socket."""

    def __init__(self, settings: Settings) -> None:
        super().__init__(state_dir(settings))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        pass


class StandaloneHost:
    """The `OperationHost` of a command without a daemon: no model runs, so a deployment stops before its trial."""

    def __init__(
        self, repository: ModelRepository, on_progress: ProgressCallback | None = None
    ) -> None:
        """Work on an open repository whose lock is held."""
        self._repository = repository
        self._on_progress = on_progress

    def own_store(self) -> None:
        """Do nothing: the lock is held."""

    def check_store(self) -> None:
        """Do nothing: the store is open."""

    def continue_deployment(self, id_: str, request: DeploymentRequest) -> None:
        """Run the installer in this process until the deployment is self-tested, blocked or rejected.

        Raises:
            StoreError: the store cannot be written.
        """
        del id_, request
        from edged.updates.installer.installer import make_installer

        repository = self._repository
        installer = make_installer(
            repository.store,
            repository.settings,
            clock=SystemClock(),
            on_progress=self._report_progress,
        )
        installer.advance(repository.ledger)
        repository.open()
        repository.collect_garbage()

    def interrupt(self, cause: EndCause, reason: str | None) -> None:
        """Do nothing: no installer and no model runs."""

    def check_idle(self) -> None:
        """Do nothing: no installer runs."""

    def follow_ledger(self, before: Ledger) -> None:
        """Collect garbage if the ledger has changed.

        Raises:
            StoreError: the disk cannot be used.
        """
        if self._repository.ledger != before:
            self._repository.collect_garbage()

    def runtime_status(self) -> RuntimeStatus:
        """Return that no daemon runs."""
        return RuntimeStatus()

    def _report_progress(self, progress: InstallProgress) -> None:
        if self._on_progress is not None:
            self._on_progress(progress.state, progress.fraction)


class StandaloneControl:
    """The control without a daemon: this process owns the store."""

    def __init__(
        self, repository: ModelRepository, lock: StoreLock, on_progress: ProgressCallback
    ) -> None:
        """Take over an open repository.

        Args:
            repository: open.
            lock: the lock of its store, held; it is released at the end.
            on_progress: receives the progress of an installation.
        """
        self._lock = lock
        self._operations = ModelOperations(repository, StandaloneHost(repository, on_progress))

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._lock.release()

    def execute(self, control_request: ControlRequest) -> ControlResponse:
        """Execute a request on the store."""
        return self._operations.execute(control_request)
