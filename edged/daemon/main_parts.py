"""The daemon's parts that every part needs which the configuration may ask for beside the main job."""

from dataclasses import dataclass

from edged.daemon.core import Core
from edged.daemon.optional_parts import OptionalParts
from edged.daemon.switches import Switches
from edged.daemon.vision_service import VisionService
from edged.messaging.outbox import Outbox
from edged.updates.service.service import UpdateService


@dataclass(frozen=True, slots=True, kw_only=True)
class MainParts:
    """The parts.

    Attributes:
        core: the shared parts of the daemon.
        outbox: everything that is published.
        updates: model updates.
        vision: workers and cameras.
        switches: the configuration in use.
        options: gets what is to be called from time to time.
    """

    core: Core
    outbox: Outbox
    updates: UpdateService
    vision: VisionService
    switches: Switches
    options: OptionalParts
