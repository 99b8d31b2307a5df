"""Makes the parts that the configuration asks for beside the main job; what it does not ask for is not imported."""

from pathlib import Path

from edged.config.overrides import Overrides
from edged.config.settings import Settings
from edged.daemon.main_parts import MainParts
from edged.host.paths import state_dir
from edged.messaging.contract.topics import Topics

_ANNOUNCEMENT_FILE = "home-assistant.json"
"""What was announced to Home Assistant, in the state directory."""


def read_switched(settings: Settings) -> Overrides:
    """Return what commands have switched before this start and is to be kept."""
    if not (settings.commands.enabled and settings.commands.keep):
        return {}
    from edged.daemon.command_file import read_kept_commands

    return read_kept_commands(state_dir(settings)).switched


def make_optional_parts(config: Path, main: MainParts) -> None:
    """Make the parts that the configuration asks for, and start them.

    Args:
        config: the configuration's main file.
        main: the parts of the main job.
    """
    core, settings = main.core, main.switches.settings
    topics = Topics(core.stamper.identity.device)
    # Only what the device subscribes to is routed: a broker with rules of its own could deliver more.
    if settings.updates.channel:
        core.messages.add(topics.desired, main.updates.process_message)
    commands = None
    if settings.commands.enabled or settings.page.listen:
        from edged.daemon.command_parts import make_command_service

        commands = make_command_service(main)
        if settings.commands.enabled:  # the page's commands come without the broker
            core.messages.add(topics.commands, commands.receive)
    if settings.page.listen or settings.metrics.listen:
        from edged.daemon.web_start import start_web_service

        web = start_web_service(config, main, commands)
        main.options.on_close.append(web.close)
    _start_home_assistant(main, state_dir(settings) / _ANNOUNCEMENT_FILE)


def _start_home_assistant(main: MainParts, announcement: Path) -> None:
    """Start the service for Home Assistant if it is configured, or if what an earlier run has announced is to be deleted."""

    def start(is_needed: bool) -> None:  # noqa: FBT001 (a result of the disk's)
        if is_needed:
            from edged.daemon.home_assistant_parts import start_home_assistant_service

            start_home_assistant_service(main, announcement)

    if main.switches.settings.home_assistant.enabled:
        start(True)  # noqa: FBT003
    else:
        main.core.disks["files"].submit(announcement.exists, start)
