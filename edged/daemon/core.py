"""The parts of the daemon that most others share."""

import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from edged.clock import Clock, read_clock_quality
from edged.config.settings import Settings
from edged.daemon.inbox import Inbox
from edged.daemon.message_router import MessageRouter
from edged.disk_thread import DiskThread
from edged.event_loop import EventLoop
from edged.health import Conditions
from edged.host.board import Board
from edged.host.paths import device_name
from edged.messaging.contract.header import Identity, Stamper
from edged.vision.spare_workers import SpareWorkers


@dataclass(frozen=True, slots=True, kw_only=True)
class Core:
    """The shared parts."""

    clock: Clock
    board: Board
    loop: EventLoop
    inbox: Inbox
    messages: MessageRouter
    conditions: Conditions
    stamper: Stamper
    spares: SpareWorkers
    disks: Mapping[str, DiskThread]
    """A queue for each kind of work on disks, so that none waits for another; `up/health` names them."""


def make_core(settings: Settings, clock: Clock, loop: EventLoop, spares: SpareWorkers) -> Core:
    """Make the shared parts; nothing is opened yet.

    Args:
        settings: the configuration.
        clock: the clock of all times.
        loop: the supervisor's loop.
        spares: processes for the workers' first runs.
    """
    board = Board()
    identity = Identity(
        device=device_name(settings), boot=board.read_boot_id(), session=secrets.token_hex(4)
    )
    # This file's modification time is a lower bound for the current time.
    floor_ns = Path(__file__).stat().st_mtime_ns
    return Core(
        clock=clock,
        board=board,
        loop=loop,
        inbox=Inbox(loop),
        messages=MessageRouter(),
        spares=spares,
        conditions=Conditions(),
        stamper=Stamper(identity, clock, partial(read_clock_quality, clock, floor_ns)),
        disks={
            name: DiskThread(f"disk-{name}", clock=clock, post=loop.call_soon)
            for name in ("spool", "store", "files", "space")
        },
    )
