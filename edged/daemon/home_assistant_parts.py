"""Construction of the service for Home Assistant, and what it knows of the model."""

import hashlib
from pathlib import Path

import edged
from edged.clock import Deadline
from edged.daemon.announcement_file import AnnouncementFile
from edged.daemon.home_assistant_service import HomeAssistantService, ModelFacts
from edged.daemon.main_parts import MainParts
from edged.home_assistant.discovery import DeviceFacts, status_topic
from edged.updates.service.status_payload import ModelStatusReport

_INTERVAL_S = 1.0
"""Between two looks at the model."""


def start_home_assistant_service(main: MainParts, announcement: Path) -> None:
    """Announce the device, or take back what an earlier run has announced.

    Args:
        main: the parts of the daemon's main job.
        announcement: the file that remembers what was announced.
    """
    core, settings = main.core, main.switches.settings

    def read_model() -> ModelFacts:
        ready = main.vision.model_info
        return ModelFacts(
            labels=ready.labels if ready else (),
            recommended_labels=main.updates.active_model.recommended_filters.labels,
            install_id=make_install_id(main.updates.build_status_report()),
        )

    service = HomeAssistantService(
        settings,
        DeviceFacts(
            name=core.stamper.identity.device,
            version=edged.__version__,
            board=core.board.read_model(),
            has_temperature=core.board.read_temperature_c() is not None,
        ),
        read_model=read_model,
        outbox=main.outbox,
        file=AnnouncementFile(announcement, core.disks["files"]),
        loop=core.loop,
    )
    deadline = Deadline(core.clock, _INTERVAL_S)

    def tick() -> None:
        nonlocal deadline
        if deadline.expired:
            deadline = Deadline(core.clock, _INTERVAL_S)
            service.tick()

    if settings.home_assistant.enabled:
        core.messages.add(status_topic(settings), service.receive)
        main.options.on_tick.append(tick)
        main.options.on_settings.append(service.apply_settings)
    service.start()


def make_install_id(report: ModelStatusReport | None) -> str:
    """Return the id of the command that installs the version on offer: the same for every press of the button, until another version is offered or a deployment has ended."""
    offered = report.channel.offered if report and report.channel else ""
    ended = report.status.past[-1].id if report and report.status.past else ""
    return f"ha-{hashlib.sha256(f'{offered} {ended}'.encode()).hexdigest()[:16]}"
