"""Runs the demo: broker, subscriber and daemon, each a real one, on loopback."""

import signal
import subprocess
import sys
import tempfile
from pathlib import Path

from edged.clock import Clock, Deadline
from edged.demo.broker import HOST, LoopbackBroker
from edged.demo.subscriber import Subscriber
from edged.demo.tally import Tally
from edged.demo.view import View
from edged.errors import EdgedError

DEVICE = "demo"
CONFIG = """\
[device]
name = "{device}"
state_dir = "{folder}/state"

[mqtt]
host = "{host}"
port = {port}
protocol = "3.1.1"

[camera.demo]
source = "synthetic"
"""
_POLL_S = 0.2
_END_LIMIT_S = 10.0


def run(*, seconds: float, view: View, clock: Clock) -> Tally:
    """Run it for so long, or until Ctrl-C or SIGTERM if `seconds` is 0.

    Returns:
        What the subscriber received before the daemon was asked to end.

    Raises:
        EdgedError: the broker or the daemon did not start, or the daemon ended by itself.
    """
    with tempfile.TemporaryDirectory(prefix="edged-demo-") as name:
        folder = Path(name)
        broker = LoopbackBroker(clock)
        broker.await_ready()
        try:
            return _watch(folder, broker.port, seconds, view, clock)
        finally:
            broker.stop()


def _watch(folder: Path, port: int, seconds: float, view: View, clock: Clock) -> Tally:
    config = folder / "edged.toml"
    config.write_text(CONFIG.format(device=DEVICE, folder=folder, host=HOST, port=port))
    log = folder / "edged.log"
    subscriber = Subscriber(host=HOST, port=port, device=DEVICE)
    tally = Tally()
    with log.open("wb") as said:
        daemon = subprocess.Popen(
            [sys.executable, "-m", "edged", "run", "-c", str(config)],
            stdin=subprocess.DEVNULL,
            stderr=said,
        )
    try:
        with view.running():
            _show(subscriber, daemon, tally, view, Deadline(clock, seconds) if seconds else None)
    except KeyboardInterrupt:
        pass
    finally:
        _end(daemon)
        subscriber.close()
    if daemon.returncode != 0:
        raise EdgedError(f"the daemon ended with {daemon.returncode}; it said:\n{log.read_text()}")
    return tally


def _show(
    subscriber: Subscriber,
    daemon: subprocess.Popen[bytes],
    tally: Tally,
    view: View,
    deadline: Deadline | None,
) -> None:
    while daemon.poll() is None and not (deadline and deadline.expired):
        received = subscriber.next(_POLL_S)
        if received is not None:
            tally.take(received.message)
            view.show(received.message, tally)


def _end(daemon: subprocess.Popen[bytes]) -> None:
    if daemon.poll() is None:
        daemon.send_signal(signal.SIGTERM)
    try:
        daemon.wait(_END_LIMIT_S)
    except subprocess.TimeoutExpired:
        daemon.kill()
        daemon.wait()
