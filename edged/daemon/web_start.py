"""Construction of the service of the page and the metrics."""

from functools import partial
from pathlib import Path

from edged.daemon.command_service import CommandService
from edged.daemon.main_parts import MainParts
from edged.daemon.recent_log import RecentLog
from edged.daemon.web_calls import make_web_calls
from edged.daemon.web_service import WebService
from edged.health import ConditionKind, ConditionReporter
from edged.host.paths import device_name, state_dir
from edged.messaging.observed_outbox import ObservedOutbox
from edged.web.messages import WebJob

_MAX_OBJECTS = 30
"""Of which the page shows the last event."""


def start_web_service(config: Path, main: MainParts, commands: CommandService | None) -> WebService:
    """Listen for the page and the metrics; return what serves them.

    Args:
        config: the configuration's main file.
        main: the parts of the daemon's main job.
        commands: executes what the page commands; None if there is no page.
    """
    core, settings, outbox = main.core, main.switches.settings, main.outbox
    assert isinstance(outbox, ObservedOutbox)  # noqa: S101 (`open_outbox` makes one for the page and the metrics)
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
    conditions = ConditionReporter(core.conditions, core.clock)
    service = WebService(
        job,
        settings,
        loop=core.loop,
        outbox=outbox,
        calls=make_web_calls(commands, main.vision, core.clock),
        recent_log=recent_log,
        on_problem=partial(conditions.set, ConditionKind.WEB),
    )
    service.start()
    return service
