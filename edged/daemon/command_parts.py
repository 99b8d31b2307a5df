"""Construction of the command service, and the reports on what commands have switched."""

from edged.clock import Deadline
from edged.daemon.command_file import CommandFile, KeptCommands, read_kept_commands
from edged.daemon.command_memory import CommandMemory
from edged.daemon.command_service import CommandService
from edged.daemon.core import Core
from edged.daemon.device_control import DeviceControl
from edged.daemon.main_parts import MainParts
from edged.daemon.self_test_job import SelfTestJob
from edged.daemon.switches import describe_switches
from edged.disk_thread import DiskThread
from edged.host import systemd
from edged.host.paths import state_dir
from edged.messaging.contract.topics import Topics
from edged.updates.service.service import UpdateService

_MIN_UPTIME_S = 720.0
"""Between two restarts by command: five within an hour, of the six starts that StartLimitBurst= in the unit allows."""


def make_command_service(main: MainParts) -> CommandService:
    """Return the command service; the parts of the daemon's main job carry the commands out."""
    core, switches, updates = main.core, main.switches, main.updates
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
        vision=main.vision,
        updates=updates,
        self_test=_make_self_test(core, updates),
        inbox=core.inbox,
        restart_limit=Deadline(core.clock, _MIN_UPTIME_S) if systemd.is_service() else None,
        on_switched=save,
    )
    service = CommandService(
        switches.settings.commands,
        topics=Topics(core.stamper.identity.device),
        device=device,
        send=main.outbox.reply,
        memory=memory,
        on_finished=save,
        read_is_synced=core.stamper.is_clock_synced,
        loop=core.loop,
        clock=core.clock,
    )

    def report_switches() -> None:
        _report_switches(main)

    if switches.settings.commands.enabled:
        main.options.on_tick.append(report_switches)
    main.options.on_settings.append(service.apply_settings)
    return service


def _make_self_test(core: Core, updates: UpdateService) -> SelfTestJob:
    thread = DiskThread("self-test", clock=core.clock, post=core.loop.call_soon)
    return SelfTestJob(thread, lambda: updates.active_model)


def _report_switches(main: MainParts) -> None:
    for camera, monitor in main.vision.cameras.items():
        main.outbox.retain(
            describe_switches(main.switches.settings, camera, monitor.recommended_filters)
        )
