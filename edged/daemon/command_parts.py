"""Construction of the command service, and the reports on what commands have switched."""

from edged.daemon.command_file import CommandFile, KeptCommands, read_kept_commands
from edged.daemon.command_memory import CommandMemory
from edged.daemon.command_service import CommandService
from edged.daemon.core import Core
from edged.daemon.device_control import DeviceControl
from edged.daemon.optional_parts import OptionalParts
from edged.daemon.self_test_job import SelfTestJob
from edged.daemon.switches import Switches, describe_switches
from edged.daemon.vision_service import VisionService
from edged.disk_thread import DiskThread
from edged.host.paths import state_dir
from edged.messaging.contract.topics import Topics
from edged.messaging.outbox import Outbox
from edged.updates.service.service import UpdateService


def make_command_service(
    core: Core,
    *,
    outbox: Outbox,
    updates: UpdateService,
    vision: VisionService,
    switches: Switches,
    parts: OptionalParts,
) -> CommandService:
    """Return the command service.

    Args:
        core: the shared parts of the daemon.
        outbox: everything that is published.
        updates: model updates.
        vision: workers and cameras.
        switches: the configuration in use.
        parts: gets what is to be called from time to time.
    """
    folder = state_dir(switches.settings)
    memory = CommandMemory(read_kept_commands(folder).finished)
    file = CommandFile(folder, core.disks["files"])

    def collect() -> KeptCommands:
        keeps = switches.settings.commands.keep
        return KeptCommands(
            finished=memory.finished, switched=dict(switches.overrides) if keeps else {}
        )

    def save() -> None:
        file.save(collect)

    device = DeviceControl(
        switches,
        vision=vision,
        updates=updates,
        self_test=_make_self_test(core, updates),
        inbox=core.inbox,
        on_switched=save,
    )
    service = CommandService(
        switches.settings.commands,
        topics=Topics(core.stamper.identity.device),
        device=device,
        send=outbox.reply,
        memory=memory,
        on_finished=save,
        read_is_synced=core.stamper.is_clock_synced,
        loop=core.loop,
        clock=core.clock,
    )

    def report_switches() -> None:
        _report_switches(outbox, updates, vision, switches)

    if switches.settings.commands.enabled:
        parts.on_tick.append(report_switches)
    parts.on_settings.append(service.apply_settings)
    return service


def _make_self_test(core: Core, updates: UpdateService) -> SelfTestJob:
    thread = DiskThread("self-test", clock=core.clock, post=core.loop.call_soon)
    return SelfTestJob(thread, lambda: updates.active_model)


def _report_switches(
    outbox: Outbox, updates: UpdateService, vision: VisionService, switches: Switches
) -> None:
    recommended = updates.active_model.recommended_filters.threshold
    for camera in vision.cameras:
        outbox.retain(describe_switches(switches.settings, camera, recommended))
