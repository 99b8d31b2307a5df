"""``selftest``: test the active model."""

from typing import ClassVar

from msgspec import Struct

from edged.commands.no_args import NoArgs
from edged.interfaces.command import Device, Finish


class SelfTestCommand:
    """Tests the active model."""

    Args: ClassVar[type[Struct]] = NoArgs
    summary: ClassVar[str] = "Test the active model in a sandboxed process, beside the running one."

    def execute(self, args: NoArgs, device: Device, finish: Finish) -> None:
        """Start the test; the outcome comes when it has ended.

        Args:
            args: the arguments.
            device: carries it out.
            finish: gets the outcome.
        """
        del args
        device.run_self_test(finish)
