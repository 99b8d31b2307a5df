"""Looks over a device, part by part, each within a time of its own, so that one that hangs does not hide the others.

While a daemon runs it holds cameras, model and accelerator, and is asked about them; else each is used once.
"""

import threading
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from pathlib import Path

from edged.checks.doctor import accelerator, host, parts
from edged.checks.doctor import daemon_findings as running
from edged.checks.doctor.finding import Finding, fail, warn
from edged.clock import Clock, Deadline
from edged.config.settings import ModelSettings, Settings
from edged.daemon.status_files import read_status_file
from edged.errors import EdgedError, UpdateError
from edged.host.board import Board
from edged.host.paths import state_dir
from edged.messaging.contract.device import DeviceHealth, DeviceInfo
from edged.updates.rules.deployment import load_order
from edged.updates.service.control_messages import ModelStatus, StatusRequest
from edged.updates.service.control_socket import ControlClient
from edged.updates.service.model_control import now, open_store
from edged.updates.service.repository import ModelRepository

TIMEOUT_S = 30.0
"""For all parts together: they are looked at side by side."""
Check = Callable[[], Iterable[Finding]]


def check_device(
    settings: Settings, *, clock: Clock, timeout_s: float = TIMEOUT_S
) -> Iterator[Finding]:
    """Look at everything that this configuration names, and at the host.

    Raises:
        ConfigError: the state directory cannot be made.
    """
    state = state_dir(settings)
    board = Board()
    looks: dict[str, Check] = {
        "service": host.check_service,
        "board": partial(host.check_board, board, clock),
        "disk": partial(host.check_disk, board, state, settings),
        "delegate": lambda: [
            accelerator.assess_delegate(settings.model.delegate, accelerator.find_edgetpus())
        ],
    }
    keeper = ModelRepository(open_store(settings), settings, now=now)
    keeper.load_read_only()
    status = _query_model_status(state)
    looks["models"] = lambda: running.assess_models(
        status or keeper.status(is_daemon_running=False)
    )
    health, info = read_status_file(DeviceHealth), read_status_file(DeviceInfo)
    if health and info:
        looks |= _checks_from_daemon(settings, health, info)
    elif status:
        advice = (
            "start it as a service (RuntimeDirectory=edged), or stop it, and its parts are tried"
        )
        looks["daemon"] = lambda: [warn("daemon", "it runs, and cannot be asked how it is", advice)]
    else:
        looks |= _checks_without_daemon(settings, keeper, clock)
    yield from run_in_parallel(looks, clock=clock, timeout_s=timeout_s)


def check_host(clock: Clock) -> Iterator[Finding]:
    """What can be looked at without a configuration."""
    yield from host.check_service()
    yield from host.check_board(Board(), clock)


def run_in_parallel(
    checks: dict[str, Check], *, clock: Clock, timeout_s: float
) -> Iterator[Finding]:
    """Every look's findings, in the order of the looks; one that fails or hangs is a finding itself."""
    found: dict[str, list[Finding]] = {}

    def look_at(part: str) -> None:
        found[part] = list(_run_check(part, checks[part]))

    threads = {
        part: threading.Thread(target=look_at, args=(part,), name=part, daemon=True)
        for part in checks
    }
    for thread in threads.values():
        thread.start()
    deadline = Deadline(clock, timeout_s)
    for part, thread in threads.items():
        thread.join(deadline.remaining_s)
        yield from found.get(part) or [
            fail(part, f"no answer within {timeout_s:g} s", "its driver or its network hangs")
        ]


def _run_check(part: str, check: Check) -> Iterator[Finding]:
    try:
        yield from check()
    except EdgedError as error:
        yield fail(part, str(error))
    except Exception as error:  # noqa: BLE001 - a part that cannot be looked at must not hide the others
        yield fail(part, f"the look at it failed: {type(error).__name__}: {error}")


def _checks_without_daemon(
    settings: Settings, repository: ModelRepository, clock: Clock
) -> dict[str, Check]:
    """No daemon runs: each part is free."""
    looks: dict[str, Check] = {"model": lambda: parts.check_model(_select_model(repository))}
    looks |= {
        f"camera.{name}": partial(parts.check_camera, name, camera, clock)
        for name, camera in settings.camera.items()
        if camera.enabled
    }
    if settings.publisher is not None:
        name, table = settings.publisher
        looks[name] = partial(parts.check_publisher, name, table, clock)
    return looks


def _checks_from_daemon(
    settings: Settings, health: DeviceHealth, info: DeviceInfo
) -> dict[str, Check]:
    """A daemon runs. The broker, too, goes by its word: a second client of the same id would throw it out."""
    looks: dict[str, Check] = {"daemon": lambda: running.assess_health(health, info, settings)}
    if settings.publisher is not None:
        name, _ = settings.publisher
        looks[name] = lambda: [running.assess_publisher(name, health)]
    return looks


def _select_model(repository: ModelRepository) -> ModelSettings:
    """What a daemon would look with: the first that is whole."""
    for digest in load_order(repository.ledger):
        try:
            return repository.load_active_model(digest).settings
        except UpdateError:
            continue
    return repository.settings.model


def _query_model_status(state_dir: Path) -> ModelStatus | None:
    """How its models are; None if no daemon answers."""
    try:
        return ControlClient(state_dir).execute(StatusRequest()).status
    except UpdateError:
        return None
