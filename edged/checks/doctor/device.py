"""The checks of a device, composed.

A running daemon holds cameras, model and broker connection, so its reports are assessed. Without a daemon each part is used once.
"""

from collections.abc import Iterator
from functools import partial
from pathlib import Path

from edged.checks.doctor.camera import check_camera, part_name
from edged.checks.doctor.certificates import check_certificates
from edged.checks.doctor.clock import check_clock
from edged.checks.doctor.daemon import assess_daemon, make_missing_status_finding
from edged.checks.doctor.delegate import check_delegate
from edged.checks.doctor.disk import check_disk
from edged.checks.doctor.finding import Finding
from edged.checks.doctor.memory import check_memory
from edged.checks.doctor.model import check_model
from edged.checks.doctor.model_store import assess_models, open_read_only, select_model
from edged.checks.doctor.parallel import Check, run_in_parallel
from edged.checks.doctor.power import check_power
from edged.checks.doctor.publisher import assess_publisher_health, check_publisher
from edged.checks.doctor.service import check_service
from edged.checks.doctor.temperature import check_temperature
from edged.clock import Clock
from edged.config.settings import Settings
from edged.daemon.status_files import read_status_file
from edged.errors import UpdateError
from edged.host.board import Board
from edged.host.paths import state_dir
from edged.messaging.contract.device import DeviceHealth, DeviceInfo
from edged.updates.service.control_messages import ModelStatus, StatusRequest
from edged.updates.service.control_socket import ControlClient
from edged.updates.service.operations import build_status
from edged.updates.service.repository import ModelRepository

TIMEOUT_S = 30.0
"""Default time limit of all checks together, which run concurrently."""


def check_device(
    settings: Settings, *, clock: Clock, timeout_s: float = TIMEOUT_S
) -> Iterator[Finding]:
    """Check the host and everything that the configuration names.

    Args:
        settings: the configuration.
        clock: the clock of time limits.
        timeout_s: time limit of all checks together, in seconds.

    Raises:
        ConfigError: the state directory cannot be made.
    """
    state = state_dir(settings)
    repository = open_read_only(settings)
    status = _query_model_status(state)
    health, info = read_status_file(DeviceHealth), read_status_file(DeviceInfo)
    checks = _host_checks(clock)
    checks["disk"] = partial(check_disk, Board(), state, settings)
    checks["certificate"] = partial(check_certificates, settings)
    checks["delegate"] = partial(check_delegate, settings.model.delegate)
    checks["models"] = lambda: assess_models(status or build_status(repository))
    if health and info:
        checks |= _daemon_checks(settings, health, info)
    elif status:
        checks["daemon"] = lambda: [make_missing_status_finding()]
    else:
        checks |= _part_checks(settings, repository, clock)
    yield from run_in_parallel(checks, clock=clock, timeout_s=timeout_s)


def check_host(clock: Clock, timeout_s: float = TIMEOUT_S) -> Iterator[Finding]:
    """Check what needs no configuration, within `timeout_s` seconds."""
    yield from run_in_parallel(_host_checks(clock), clock=clock, timeout_s=timeout_s)


def _host_checks(clock: Clock) -> dict[str, Check]:
    board = Board()
    return {
        "service": check_service,
        "power": partial(check_power, board),
        "temperature": partial(check_temperature, board),
        "memory": partial(check_memory, board),
        "clock": partial(check_clock, clock),
    }


def _part_checks(settings: Settings, repository: ModelRepository, clock: Clock) -> dict[str, Check]:
    """Return the checks that use each part, while no daemon holds it."""
    checks: dict[str, Check] = {"model": lambda: check_model(select_model(repository))}
    checks |= {
        part_name(name): partial(check_camera, name, camera, clock)
        for name, camera in settings.camera.items()
        if camera.enabled
    }
    if settings.publisher is not None:
        name, table = settings.publisher
        checks[name] = partial(check_publisher, name, table, clock)
    return checks


def _daemon_checks(settings: Settings, health: DeviceHealth, info: DeviceInfo) -> dict[str, Check]:
    """Return the checks that assess a running daemon's reports."""
    checks: dict[str, Check] = {"daemon": partial(assess_daemon, settings, health, info)}
    if settings.publisher is not None:
        name, _ = settings.publisher
        checks[name] = lambda: [assess_publisher_health(name, health)]
    return checks


def _query_model_status(state_dir: Path) -> ModelStatus | None:
    """Query the daemon for the status of its models; None if no daemon answers."""
    try:
        return ControlClient(state_dir).execute(StatusRequest()).status
    except UpdateError:
        return None
