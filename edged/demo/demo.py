"""Runs the demo: broker, subscriber and daemon, each a real one, on loopback."""

import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from edged.clock import Clock, Deadline
from edged.demo.broker import HOST, LoopbackBroker
from edged.demo.subscriber import Message, Subscriber
from edged.demo.tally import Tally
from edged.demo.update import UpdateShow
from edged.demo.view import View
from edged.demo.workshop import open_workshop
from edged.errors import EdgedError
from edged.messaging.contract.model import ModelState

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
{more}"""
UPDATES = """\
[model]
bundled = "marks-fast"

[updates]
trust = "{trust}"
"""
UPDATE_LIMIT_S = 120.0
_POLL_S = 0.2
_END_LIMIT_S = 10.0


def run(*, seconds: float, view: View, clock: Clock) -> Tally:
    """Run it for so long, or until Ctrl-C or SIGTERM if `seconds` is 0.

    Returns:
        What the subscriber received before the daemon was asked to end.

    Raises:
        EdgedError: the broker or the daemon did not start, or the daemon ended by itself.
    """
    with _stage(clock) as (folder, port):
        return _watch(folder, port, "", _Audience(view, clock, seconds))


def run_updates(*, view: View, clock: Clock) -> UpdateShow:
    """Run it until a better model was kept and a worse one was sent back, or Ctrl-C.

    Raises:
        EdgedError: what `run` raises; or the updates could not be made.
    """
    with _stage(clock) as (folder, port):
        view.say("making keys, a trust file and two signed bundles")
        workshop = open_workshop(folder)
        show = UpdateShow(workshop, folder / "state")
        _watch(
            folder,
            port,
            UPDATES.format(trust=workshop.trust),
            _Audience(view, clock, UPDATE_LIMIT_S, show),
        )
        return show


@contextmanager
def _stage(clock: Clock) -> Iterator[tuple[Path, int]]:
    """A folder for all files, and the port of a broker that runs."""
    with tempfile.TemporaryDirectory(prefix="edged-demo-") as name:
        broker = LoopbackBroker(clock)
        broker.await_ready()
        try:
            yield Path(name), broker.port
        finally:
            broker.stop()


class _Audience:
    """Watches until it has seen enough."""

    def __init__(
        self, view: View, clock: Clock, seconds: float, show: UpdateShow | None = None
    ) -> None:
        self._view = view
        self._deadline = Deadline(clock, seconds) if seconds else None
        self._show = show
        self.tally = Tally()

    def watch(self, subscriber: Subscriber, daemon: subprocess.Popen[bytes]) -> None:
        with self._view.running():
            while daemon.poll() is None and not self._has_seen_enough:
                if self._show and (words := self._show.next()):
                    self._view.say(words)
                received = subscriber.next(_POLL_S)
                if received is not None:
                    self._take(received.message)

    def _take(self, message: Message) -> None:
        self.tally.take(message)
        if self._show and isinstance(message, ModelState):
            self._show.hear(message)
        self._view.show(message, self.tally)

    @property
    def _has_seen_enough(self) -> bool:
        late = self._deadline is not None and self._deadline.expired
        return late or (self._show is not None and self._show.done)


def _watch(folder: Path, port: int, more: str, audience: _Audience) -> Tally:
    config = folder / "edged.toml"
    config.write_text(CONFIG.format(device=DEVICE, folder=folder, host=HOST, port=port, more=more))
    log = folder / "edged.log"
    subscriber = Subscriber(host=HOST, port=port, device=DEVICE)
    with log.open("wb") as said:
        daemon = subprocess.Popen(
            [sys.executable, "-m", "edged", "run", "-c", str(config)],
            stdin=subprocess.DEVNULL,
            stderr=said,
        )
    try:
        audience.watch(subscriber, daemon)
    except KeyboardInterrupt:
        pass
    finally:
        _end(daemon)
        subscriber.close()
    if daemon.returncode != 0:
        raise EdgedError(f"the daemon ended with {daemon.returncode}; it said:\n{log.read_text()}")
    return audience.tally


def _end(daemon: subprocess.Popen[bytes]) -> None:
    if daemon.poll() is None:
        daemon.send_signal(signal.SIGTERM)
    try:
        daemon.wait(_END_LIMIT_S)
    except subprocess.TimeoutExpired:
        daemon.kill()
        daemon.wait()
