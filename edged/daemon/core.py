"""The parts of the daemon that most others share."""

from collections.abc import Mapping
from dataclasses import dataclass

from edged.clock import Clock
from edged.daemon.inbox import Inbox
from edged.daemon.message_router import MessageRouter
from edged.disk_thread import DiskThread
from edged.event_loop import EventLoop
from edged.health import Conditions
from edged.host.board import Board
from edged.messaging.contract.header import Stamper
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
