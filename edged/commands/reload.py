"""``reload``: read the configuration's files again."""

from typing import ClassVar

from msgspec import Struct

from edged.commands.no_args import NoArgs
from edged.interfaces.command import Device, Finish


class ReloadCommand:
    """Reloads the configuration."""

    Args: ClassVar[type[Struct]] = NoArgs
    summary: ClassVar[str] = (
        "Read the configuration's files again; an invalid configuration changes nothing."
    )

    def execute(self, args: NoArgs, device: Device, finish: Finish) -> None:
        """Reload; the outcome says whether the new configuration is in use.

        Args:
            args: the arguments.
            device: carries it out.
            finish: gets the outcome.
        """
        del args
        device.reload(finish)
