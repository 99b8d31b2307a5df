"""Runs the demo: broker, subscriber and daemon, each a real one, on loopback."""

import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from edged.clock import Clock, Deadline
from edged.demo.artifacts import make_artifacts
from edged.demo.broker import HOST, LoopbackBroker
from edged.demo.state import DemoState
from edged.demo.subscriber import Message, Subscriber
from edged.demo.update import UpdateScenario
from edged.demo.view import DemoView
from edged.errors import EdgedError
from edged.messaging.contract.model import ModelState

DEVICE = "demo"
CONFIG_TEMPLATE = """\
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
UPDATES_CONFIG_TEMPLATE = """\
[model]
bundled = "marks-fast"

[updates]
trust = "{trust}"
"""
UPDATE_TIMEOUT_S = 120.0
_POLL_S = 0.2
_STOP_TIMEOUT_S = 10.0


def run(*, seconds: float, view: DemoView, clock: Clock) -> DemoState:
    """Run it for so long, or until Ctrl-C or SIGTERM if `seconds` is 0.

    Returns:
        What the subscriber received before the daemon was asked to end.

    Raises:
        EdgedError: the broker or the daemon did not start, or the daemon ended by itself.
    """
    with _running_broker(clock) as (folder, port):
        return _run_daemon(folder, port, "", _DemoMonitor(view, clock, seconds))


def run_updates(*, view: DemoView, clock: Clock) -> UpdateScenario:
    """Run it until a better model was kept and a worse one was sent back, or Ctrl-C.

    Raises:
        EdgedError: what `run` raises; or the updates could not be made.
    """
    with _running_broker(clock) as (folder, port):
        view.announce("making keys, a trust file and two signed bundles")
        workshop = make_artifacts(folder)
        show = UpdateScenario(workshop, folder / "state")
        _run_daemon(
            folder,
            port,
            UPDATES_CONFIG_TEMPLATE.format(trust=workshop.trust_file),
            _DemoMonitor(view, clock, UPDATE_TIMEOUT_S, show),
        )
        return show


@contextmanager
def _running_broker(clock: Clock) -> Iterator[tuple[Path, int]]:
    """A folder for all files, and the port of a broker that runs."""
    with tempfile.TemporaryDirectory(prefix="edged-demo-") as name:
        broker = LoopbackBroker(clock)
        broker.await_ready()
        try:
            yield Path(name), broker.port
        finally:
            broker.stop()


class _DemoMonitor:
    """Watches until it has seen enough."""

    def __init__(
        self, view: DemoView, clock: Clock, seconds: float, scenario: UpdateScenario | None = None
    ) -> None:
        self._view = view
        self._deadline = Deadline(clock, seconds) if seconds else None
        self._scenario = scenario
        self.state = DemoState()

    def watch(self, subscriber: Subscriber, daemon: subprocess.Popen[bytes]) -> None:
        with self._view.activate():
            while daemon.poll() is None and not self._is_done:
                if self._scenario and (words := self._scenario.start_next()):
                    self._view.announce(words)
                received = subscriber.receive(_POLL_S)
                if received is not None:
                    self._on_message(received.message)

    def _on_message(self, message: Message) -> None:
        self.state.update(message)
        if self._scenario and isinstance(message, ModelState):
            self._scenario.on_model_state(message)
        self._view.update(message, self.state)

    @property
    def _is_done(self) -> bool:
        late = self._deadline is not None and self._deadline.expired
        return late or (self._scenario is not None and self._scenario.is_done)


def _run_daemon(folder: Path, port: int, extra_config: str, monitor: _DemoMonitor) -> DemoState:
    config = folder / "edged.toml"
    config.write_text(
        CONFIG_TEMPLATE.format(
            device=DEVICE, folder=folder, host=HOST, port=port, more=extra_config
        )
    )
    log = folder / "edged.log"
    subscriber = Subscriber(host=HOST, port=port, device=DEVICE)
    with log.open("wb") as said:
        daemon = subprocess.Popen(
            [sys.executable, "-m", "edged", "run", "-c", str(config)],
            stdin=subprocess.DEVNULL,
            stderr=said,
        )
    try:
        monitor.watch(subscriber, daemon)
    except KeyboardInterrupt:
        pass
    finally:
        _stop_daemon(daemon)
        subscriber.close()
    if daemon.returncode != 0:
        raise EdgedError(f"the daemon ended with {daemon.returncode}; it said:\n{log.read_text()}")
    return monitor.state


def _stop_daemon(daemon: subprocess.Popen[bytes]) -> None:
    if daemon.poll() is None:
        daemon.send_signal(signal.SIGTERM)
    try:
        daemon.wait(_STOP_TIMEOUT_S)
    except subprocess.TimeoutExpired:
        daemon.kill()
        daemon.wait()
