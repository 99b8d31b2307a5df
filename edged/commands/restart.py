"""``restart``: start the daemon again."""

from typing import ClassVar

from msgspec import Struct

from edged.commands.no_args import NoArgs
from edged.interfaces.command import Device, Finish


class RestartCommand:
    """Restarts the daemon."""

    Args: ClassVar[type[Struct]] = NoArgs
    summary: ClassVar[str] = "End the daemon, so that it starts again."

    def execute(self, args: NoArgs, device: Device, finish: Finish) -> None:
        """End the daemon once the reply is sent.

        Args:
            args: the arguments.
            device: carries it out.
            finish: gets the outcome.
        """
        del args
        device.restart(finish)
