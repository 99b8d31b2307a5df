"""The models of this device, for a command: asked of the daemon if one runs, of the store itself if none does."""

from collections.abc import Callable
from datetime import UTC, datetime
from types import TracebackType
from typing import Protocol, Self

from edged.clock import SystemClock
from edged.config.settings import Settings
from edged.errors import StoreError, UpdateError
from edged.host.files import LocalFiles
from edged.host.ownership import become_owner
from edged.host.paths import model_store, state_dir
from edged.updates.installer.messages import Progress
from edged.updates.service.control_messages import (
    Answer,
    Collect,
    Commit,
    Install,
    Question,
    RollBack,
    Status,
)
from edged.updates.service.control_socket import ControlClient, listens
from edged.updates.service.repository import Keeper
from edged.updates.store.lock import StoreLock
from edged.updates.store.store import Store

Tell = Callable[[str, float], None]
"""Told how far something is: in words, and 0..1."""


class ModelControl(Protocol):
    """Answers questions; a context, as it may hold the store."""

    def ask(self, question: Question) -> Answer:
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


def connect(settings: Settings, tell: Tell) -> ModelControl:
    """Whoever answers for this device: its daemon, or, if none runs, this process.

    Raises:
        ConfigError: the state directory cannot be made.
        StoreError: the store cannot be opened.
    """
    become_owner(state_dir(settings))
    lock = StoreLock(model_store(settings))
    try:
        lock.take()
    except StoreError as error:
        if isinstance(error.__cause__, BlockingIOError) and listens(state_dir(settings)):
            return _Daemon(settings)
        raise
    try:
        return Standalone(settings, lock, tell)
    except BaseException:
        lock.release()
        raise


def now() -> str:
    """The time by the host's clock, RFC 3339."""
    return datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def open_store(settings: Settings) -> Store:
    """The store of this device."""
    return Store(
        model_store(settings), LocalFiles(), reserve_bytes=int(settings.updates.reserve_mb * 1e6)
    )


class _Daemon(ControlClient):
    """A running daemon, over its socket."""

    def __init__(self, settings: Settings) -> None:
        super().__init__(state_dir(settings))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        pass


class Standalone:
    """The store in our own hands. Nothing looks, so nothing is tried out: an update comes as far as its self-test."""

    def __init__(self, settings: Settings, lock: StoreLock, tell: Tell) -> None:
        self._settings = settings
        self._lock = lock
        self._tell = tell
        self._keeper = Keeper(open_store(settings), settings, now=now)
        self._keeper.open()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._lock.release()

    def ask(self, question: Question) -> Answer:
        """See `ModelControl`."""
        keeper = self._keeper
        before = keeper.ledger
        id_, error = "", ""
        removed: tuple[str, ...] = ()
        try:
            match question:
                case Install(request=request):
                    id_ = keeper.begin(request)
                    self._advance()
                case Commit():
                    id_ = self._in_flight()
                    keeper.commit("an operator committed it before its trial was over")
                    keeper.tidy()
                case RollBack(reason=reason):
                    id_ = self._roll_back(reason)
                case Collect():
                    removed = keeper.tidy()
                case Status():
                    pass
        except UpdateError as refusal:
            error = str(refusal)
        return Answer(
            status=keeper.status(daemon=False),
            error=error,
            changed=keeper.ledger != before or bool(removed),
            id=id_,
            removed=removed,
        )

    def _advance(self) -> None:
        from edged.updates.installer.installer import make_installer

        def show(progress: Progress) -> None:
            self._tell(progress.state, progress.fraction)

        installer = make_installer(
            self._keeper.store, self._settings, clock=SystemClock(), tell=show
        )
        installer.advance(self._keeper.ledger)
        self._keeper.refresh()
        self._keeper.tidy()

    def _roll_back(self, reason: str) -> str:
        if self._keeper.ledger.deployment is None:
            id_ = self._keeper.go_back(reason)
        else:
            id_ = self._in_flight()
            self._keeper.roll_back(reason or "an operator called it off", deny=False)
        self._keeper.tidy()
        return id_

    def _in_flight(self) -> str:
        if self._keeper.ledger.deployment is None:
            raise UpdateError("no update is in flight")
        return self._keeper.ledger.deployment.id
