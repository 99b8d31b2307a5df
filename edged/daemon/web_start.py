"""Starts the service of the page and the metrics."""

from collections.abc import Callable
from functools import partial
from pathlib import Path

import msgspec

from edged.config.settings import Settings
from edged.daemon.core import Core
from edged.daemon.recent_log import RecentLog
from edged.daemon.web_service import OnPicture, OnReply, WebCalls, WebService
from edged.health import ConditionKind, ConditionReporter
from edged.host.paths import device_name, state_dir
from edged.messaging.contract.commands import Reply
from edged.messaging.observed_outbox import ObservedOutbox
from edged.web.messages import PictureWanted, WebJob

Execute = Callable[[str, bytes, Callable[[Reply], object]], object]
"""Executes a command: its verb, its arguments as JSON, and what takes the reply."""

_MAX_OBJECTS = 30
"""Of which the page shows the last event."""


def start_web_service(
    config: Path, settings: Settings, core: Core, outbox: ObservedOutbox, execute: Execute | None
) -> Callable[[], object]:
    """Listen for the page and the metrics; return what ends it.

    Args:
        config: the configuration's main file.
        settings: the configuration.
        core: the daemon's shared parts.
        outbox: shows its messages.
        execute: executes commands; None if nothing does.
    """
    recent_log = RecentLog(core.clock)
    if settings.page.listen:
        outbox.remember_events(_MAX_OBJECTS)
        recent_log.install()
    job = WebJob(
        config=config.absolute(),
        device=device_name(settings),
        page=settings.page,
        listeners=(),
        state_dir=state_dir(settings),
        log_level=settings.log.level,
    )
    service = WebService(
        job,
        settings,
        loop=core.loop,
        outbox=outbox,
        calls=WebCalls(execute=partial(_execute, execute), take_picture=_refuse_picture),
        recent_log=recent_log,
        on_problem=partial(ConditionReporter(core.conditions, core.clock).set, ConditionKind.WEB),
    )
    service.start()
    return service.close


def _execute(execute: Execute | None, verb: str, args: bytes, on_reply: OnReply) -> None:
    if execute is not None:
        execute(verb, args, lambda reply: on_reply(msgspec.json.encode(reply)))


def _refuse_picture(wanted: PictureWanted, on_picture: OnPicture) -> None:
    on_picture(b"", "unavailable", f"there is no picture of the camera {wanted.camera}")
