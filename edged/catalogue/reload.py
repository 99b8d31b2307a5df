"""The reload of a running daemon after a change of its configuration: SIGHUP, and the wait until it runs the new model file."""

import os
import signal
from pathlib import Path

from edged.clock import NS_PER_S, Clock
from edged.errors import CatalogueError, UpdateError
from edged.updates.service.control_messages import StatusRequest
from edged.updates.service.control_socket import ControlClient, find_daemon

_RELOAD_TIMEOUT_S = 20.0
_POLL_S = 0.1


def reload_daemon(folder: Path, model: Path, clock: Clock) -> bool:
    """Let the daemon read its configuration again; return False if none runs.

    Args:
        folder: the state directory of the daemon.
        model: the model file that it then has in its configuration.
        clock: measures how long that takes.

    Raises:
        CatalogueError: the daemon cannot be signalled, or does not take the configuration.
    """
    try:
        pid = find_daemon(folder)
        if pid is None:
            return False
        os.kill(pid, signal.SIGHUP)
        return _wait_until_used(folder, model, clock)
    except ProcessLookupError:
        return False
    except (UpdateError, PermissionError) as error:
        raise CatalogueError(
            f"the configuration is written, but the running daemon could not be told to read it: {error};"
            " systemctl reload edged does it"
        ) from error


def _wait_until_used(folder: Path, model: Path, clock: Clock) -> bool:
    client = ControlClient(folder)
    end_ns = clock.monotonic_ns() + int(_RELOAD_TIMEOUT_S * NS_PER_S)
    while client.execute(StatusRequest()).status.pinned != str(model):
        if clock.monotonic_ns() > end_ns:
            raise CatalogueError(
                "the configuration is written, but the running daemon has not taken it; its log says why"
            )
        clock.sleep(_POLL_S)
    return True
