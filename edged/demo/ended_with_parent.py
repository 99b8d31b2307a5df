"""Runs a command that gets SIGTERM when the parent process is gone: ``python -m edged.demo.ended_with_parent PID COMMAND ...``."""

import os
import signal
import sys

from edged.ipc.child import request_signal_at_parents_end


def main(parent: int, command: list[str]) -> None:
    """Become `command`, unless the process `parent` has ended already."""
    request_signal_at_parents_end(signal.SIGTERM)
    if os.getppid() == parent:
        os.execv(command[0], command)  # noqa: S606 - the command of this program's own parent


if __name__ == "__main__":
    main(int(sys.argv[1]), sys.argv[2:])
