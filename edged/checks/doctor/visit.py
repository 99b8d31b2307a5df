"""Looks over a device, part by part, each within a time of its own, so that one that hangs does not hide the others.

While a daemon runs it holds cameras, model and accelerator, and is asked about them; else each is used once.
"""

import threading
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from pathlib import Path

from edged.checks.doctor import accelerator, host, parts, running
from edged.checks.doctor.finding import Finding, fail, warn
from edged.clock import Clock, Deadline
from edged.config.settings import ModelSettings, Settings
from edged.daemon.status_files import read_notice
from edged.errors import EdgedError, UpdateError
from edged.host.board import Board
from edged.host.paths import state_dir
from edged.messaging.contract.device import Health, Info
from edged.updates.rules.deployment import load_order
from edged.updates.service.control_messages import ModelStatus, Status
from edged.updates.service.control_socket import ControlClient
from edged.updates.service.repository import Keeper
from edged.updates.service.standalone import now, open_store

LIMIT_S = 30.0
"""For all parts together: they are looked at side by side."""
Look = Callable[[], Iterable[Finding]]


def visit(settings: Settings, *, clock: Clock, limit_s: float = LIMIT_S) -> Iterator[Finding]:
    """Look at everything that this configuration names, and at the host.

    Raises:
        ConfigError: the state directory cannot be made.
    """
    state = state_dir(settings)
    board = Board()
    looks: dict[str, Look] = {
        "service": host.look_at_service,
        "board": partial(host.look_at_board, board, clock),
        "disk": partial(host.look_at_disk, board, state, settings),
        "delegate": lambda: [accelerator.delegate(settings.model.delegate, accelerator.edgetpus())],
    }
    keeper = Keeper(open_store(settings), settings, now=now)
    keeper.peek()
    status = _ask_daemon(state)
    looks["models"] = lambda: running.models(status or keeper.status(daemon=False))
    health, info = read_notice(Health), read_notice(Info)
    if health and info:
        looks |= _ask(settings, health, info)
    elif status:
        advice = (
            "start it as a service (RuntimeDirectory=edged), or stop it, and its parts are tried"
        )
        looks["daemon"] = lambda: [warn("daemon", "it runs, and cannot be asked how it is", advice)]
    else:
        looks |= _use(settings, keeper, clock)
    yield from side_by_side(looks, clock=clock, limit_s=limit_s)


def look_at_host(clock: Clock) -> Iterator[Finding]:
    """What can be looked at without a configuration."""
    yield from host.look_at_service()
    yield from host.look_at_board(Board(), clock)


def side_by_side(looks: dict[str, Look], *, clock: Clock, limit_s: float) -> Iterator[Finding]:
    """Every look's findings, in the order of the looks; one that fails or hangs is a finding itself."""
    found: dict[str, list[Finding]] = {}

    def look_at(part: str) -> None:
        found[part] = list(_guarded(part, looks[part]))

    threads = {
        part: threading.Thread(target=look_at, args=(part,), name=part, daemon=True)
        for part in looks
    }
    for thread in threads.values():
        thread.start()
    deadline = Deadline(clock, limit_s)
    for part, thread in threads.items():
        thread.join(deadline.remaining_s)
        yield from found.get(part) or [
            fail(part, f"no answer within {limit_s:g} s", "its driver or its network hangs")
        ]


def _guarded(part: str, look: Look) -> Iterator[Finding]:
    try:
        yield from look()
    except EdgedError as error:
        yield fail(part, str(error))
    except Exception as error:  # noqa: BLE001 - a part that cannot be looked at must not hide the others
        yield fail(part, f"the look at it failed: {type(error).__name__}: {error}")


def _use(settings: Settings, keeper: Keeper, clock: Clock) -> dict[str, Look]:
    """No daemon runs: each part is free."""
    looks: dict[str, Look] = {"model": lambda: parts.try_the_model(_model(keeper))}
    looks |= {
        f"camera.{name}": partial(parts.try_camera, name, camera, clock)
        for name, camera in settings.camera.items()
        if camera.enabled
    }
    if settings.publisher is not None:
        name, table = settings.publisher
        looks[name] = partial(parts.try_publisher, name, table, clock)
    return looks


def _ask(settings: Settings, health: Health, info: Info) -> dict[str, Look]:
    """A daemon runs. The broker, too, goes by its word: a second client of the same id would throw it out."""
    looks: dict[str, Look] = {"daemon": lambda: running.say(health, info, settings)}
    if settings.publisher is not None:
        name, _ = settings.publisher
        looks[name] = lambda: [running.publisher(name, health)]
    return looks


def _model(keeper: Keeper) -> ModelSettings:
    """What a daemon would look with: the first that is whole."""
    for digest in load_order(keeper.ledger):
        try:
            return keeper.choice(digest).model
        except UpdateError:
            continue
    return keeper.settings.model


def _ask_daemon(state: Path) -> ModelStatus | None:
    """How its models are; None if no daemon answers."""
    try:
        return ControlClient(state).ask(Status()).status
    except UpdateError:
        return None
