"""The models of this device, for a command: asked of the daemon if one runs, of the store itself if none does."""

from collections.abc import Callable
from datetime import UTC, datetime
from types import TracebackType
from typing import Protocol, Self

from edged.clock import SystemClock
from edged.config.settings import Settings
from edged.errors import StoreError, UpdateError
from edged.host.files import LocalFileSystem
from edged.host.ownership import become_owner
from edged.host.paths import model_store_dir, state_dir
from edged.updates.installer.messages import InstallProgress
from edged.updates.service.control_messages import (
    CollectGarbageRequest,
    CommitRequest,
    ControlRequest,
    ControlResponse,
    InstallRequest,
    RollbackRequest,
    StatusRequest,
)
from edged.updates.service.control_socket import ControlClient, has_control_socket
from edged.updates.service.repository import ModelRepository
from edged.updates.store.lock import StoreLock
from edged.updates.store.store import ModelStore

ProgressCallback = Callable[[str, float], None]
"""Told how far something is: in words, and 0..1."""


class ModelControl(Protocol):
    """Answers questions; a context, as it may hold the store."""

    def execute(self, control_request: ControlRequest) -> ControlResponse:
        """Ask, and wait for the answer.

        Raises:
            UpdateError: nobody can answer; a refusal is an answer.
        """

    def __enter__(self) -> Self:
        """Begin."""

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Let go of what is held."""


def connect(settings: Settings, on_progress: ProgressCallback) -> ModelControl:
    """Whoever answers for this device: its daemon, or, if none runs, this process.

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
        return StandaloneControl(settings, lock, on_progress)
    except BaseException:
        lock.release()
        raise


def now() -> str:
    """The time by the host's clock, RFC 3339."""
    return datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def open_store(settings: Settings) -> ModelStore:
    """The store of this device."""
    return ModelStore(
        model_store_dir(settings),
        LocalFileSystem(),
        min_free_bytes=int(settings.updates.reserve_mb * 1e6),
    )


class _DaemonControl(ControlClient):
    """A running daemon, over its socket."""

    def __init__(self, settings: Settings) -> None:
        super().__init__(state_dir(settings))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        pass


class StandaloneControl:
    """The store in our own hands. Nothing looks, so nothing is tried out: an update comes as far as its self-test."""

    def __init__(self, settings: Settings, lock: StoreLock, on_progress: ProgressCallback) -> None:
        self._settings = settings
        self._lock = lock
        self._on_progress = on_progress
        self._repository = ModelRepository(open_store(settings), settings, now=now)
        self._repository.open()

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
        """See `ModelControl`."""
        keeper = self._repository
        before = keeper.ledger
        id_, error = "", ""
        removed: tuple[str, ...] = ()
        try:
            match control_request:
                case InstallRequest(request=request):
                    id_ = keeper.begin_deployment(request)
                    self._run_installer()
                case CommitRequest():
                    id_ = self._id_in_flight()
                    keeper.commit("an operator committed it before its trial was over")
                    keeper.collect_garbage()
                case RollbackRequest(reason=reason):
                    id_ = self._roll_back(reason)
                case CollectGarbageRequest():
                    removed = keeper.collect_garbage()
                case StatusRequest():
                    pass
        except UpdateError as refusal:
            error = str(refusal)
        return ControlResponse(
            status=keeper.status(is_daemon_running=False),
            error=error,
            changed=keeper.ledger != before or bool(removed),
            id=id_,
            removed=removed,
        )

    def _run_installer(self) -> None:
        from edged.updates.installer.installer import make_installer

        def show(progress: InstallProgress) -> None:
            self._on_progress(progress.state, progress.fraction)

        installer = make_installer(
            self._repository.store, self._settings, clock=SystemClock(), on_progress=show
        )
        installer.advance(self._repository.ledger)
        self._repository.refresh()
        self._repository.collect_garbage()

    def _roll_back(self, reason: str) -> str:
        if self._repository.ledger.deployment is None:
            id_ = self._repository.roll_back_to_previous(reason)
        else:
            id_ = self._id_in_flight()
            self._repository.roll_back(reason or "an operator called it off", deny=False)
        self._repository.collect_garbage()
        return id_

    def _id_in_flight(self) -> str:
        if self._repository.ledger.deployment is None:
            raise UpdateError("no update is in flight")
        return self._repository.ledger.deployment.id
