"""Starts the service of the page and the metrics, if the configuration asks for one."""

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

import msgspec

from edged.clock import Clock
from edged.config.settings import Settings
from edged.event_loop import EventLoop
from edged.health import ConditionKind, ConditionReporter, Conditions
from edged.host.paths import device_name, state_dir
from edged.messaging.observed_outbox import ObservedOutbox

if TYPE_CHECKING:
    from edged.daemon.web_service import OnPicture, OnReply
    from edged.web.messages import PictureWanted


_MAX_OBJECTS = 30
"""Of which the page shows the last event."""


class Core(Protocol):
    """What the service needs of the daemon's shared parts."""

    @property
    def loop(self) -> EventLoop:
        """The supervisor's loop."""

    @property
    def conditions(self) -> Conditions:
        """The active conditions, of which it sets `web`."""

    @property
    def clock(self) -> Clock:
        """The clock of the conditions' times."""


def start_web_service(
    config: Path, settings: Settings, core: Core, outbox: ObservedOutbox
) -> Callable[[], object]:
    """Listen if the page or the metrics are configured, otherwise import nothing; return what ends it.

    Args:
        config: the configuration's main file.
        settings: the configuration.
        core: the daemon's shared parts.
        outbox: shows its messages.
    """
    if not (settings.page.listen or settings.metrics.listen):
        return lambda: None
    from edged.daemon.recent_log import RecentLog
    from edged.daemon.web_service import WebCalls, WebService
    from edged.web.messages import WebJob

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
        calls=WebCalls(
            execute=_refuse_command, take_picture=_refuse_picture, read_picture=_find_no_picture
        ),
        recent_log=recent_log,
        on_problem=partial(ConditionReporter(core.conditions, core.clock).set, ConditionKind.WEB),
    )
    service.start()
    return service.close


def _refuse_command(verb: str, args: bytes, on_reply: "OnReply") -> None:
    del args
    error = {"code": "unknown_verb", "message": f"this device has no command {verb}"}
    on_reply(msgspec.json.encode({"verb": verb, "ok": False, "error": error, "result": {}}))


def _refuse_picture(wanted: "PictureWanted", on_picture: "OnPicture") -> None:
    on_picture(b"", "unavailable", f"there is no picture of the camera {wanted.camera}")


def _find_no_picture(event_id: str, on_picture: "OnPicture") -> None:
    on_picture(b"", "unavailable", f"there is no picture of {event_id}")
