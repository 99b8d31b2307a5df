"""Makes the parts that the configuration asks for beside the main job; what it does not ask for is not imported."""

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from edged.config.overrides import Overrides
from edged.config.settings import Settings
from edged.daemon.core import Core
from edged.daemon.optional_parts import OptionalParts
from edged.daemon.switches import Switches
from edged.host.paths import state_dir
from edged.messaging.contract.topics import Topics
from edged.messaging.observed_outbox import ObservedOutbox

if TYPE_CHECKING:
    from edged.daemon.vision_service import VisionService
    from edged.updates.service.service import UpdateService

ANNOUNCEMENT_FILE = "home-assistant.json"
"""In the state directory: what was announced to Home Assistant."""


def read_switched(settings: Settings) -> Overrides:
    """Return what commands have switched before this start and is to be kept."""
    if not (settings.commands.enabled and settings.commands.keep):
        return {}
    from edged.daemon.command_file import read_kept_commands

    return read_kept_commands(state_dir(settings)).switched


def make_optional_parts(
    config: Path,
    core: Core,
    *,
    outbox: ObservedOutbox,
    updates: "UpdateService",
    vision: "VisionService",
    switches: Switches,
) -> OptionalParts:
    """Make the parts that the configuration asks for.

    Args:
        config: the configuration's main file.
        core: the shared parts of the daemon.
        outbox: everything that is published.
        updates: model updates.
        vision: workers and cameras.
        switches: the configuration in use.
    """
    parts = OptionalParts()
    topics = Topics(core.stamper.identity.device)
    settings = switches.settings
    core.messages.add(topics.desired, updates.process_message)
    commands = None
    if settings.commands.enabled or settings.page.listen:
        from edged.daemon.command_parts import make_command_service

        commands = make_command_service(
            core, outbox=outbox, updates=updates, vision=vision, switches=switches, parts=parts
        )
        core.messages.add(topics.commands, commands.receive)
    if settings.page.listen or settings.metrics.listen:
        from edged.daemon.web_start import start_web_service

        web = start_web_service(config, settings, core, outbox, commands=commands, vision=vision)
        parts.on_close.append(web.close)
    start_home_assistant = partial(
        _start_home_assistant,
        core,
        outbox=outbox,
        updates=updates,
        vision=vision,
        switches=switches,
        parts=parts,
        announcement=state_dir(settings) / ANNOUNCEMENT_FILE,
    )
    if settings.home_assistant.enabled:
        start_home_assistant()
    else:  # what an earlier run has announced is to be deleted
        core.disks["files"].submit(
            (state_dir(settings) / ANNOUNCEMENT_FILE).exists,
            lambda is_there: start_home_assistant() if is_there else None,
        )
    return parts


def _start_home_assistant(
    core: Core,
    *,
    outbox: ObservedOutbox,
    updates: "UpdateService",
    vision: "VisionService",
    switches: Switches,
    parts: OptionalParts,
    announcement: Path,
) -> None:
    from edged.daemon.home_assistant_parts import start_home_assistant_service

    start_home_assistant_service(
        core,
        outbox=outbox,
        updates=updates,
        vision=vision,
        switches=switches,
        parts=parts,
        announcement=announcement,
    )
