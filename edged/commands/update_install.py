"""``update.install``: install what the update channel offers."""

from typing import ClassVar

from msgspec import Struct

from edged.commands.no_args import NoArgs
from edged.interfaces.command import Device, Finish


class UpdateInstallCommand:
    """Begins an update."""

    Args: ClassVar[type[Struct]] = NoArgs
    summary: ClassVar[str] = "Install the version that the update channel offers."

    def execute(self, args: NoArgs, device: Device, finish: Finish) -> None:
        """Begin; up/model shows how it goes on.

        Args:
            args: the arguments.
            device: carries it out.
            finish: gets the outcome.
        """
        del args
        device.install_update(finish)
