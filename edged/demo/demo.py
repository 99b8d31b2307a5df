"""Runs the demo: a real broker, subscriber and daemon on loopback."""

import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

from edged.clock import Clock, Deadline
from edged.demo.artifacts import make_artifacts
from edged.demo.broker import HOST, LoopbackBroker
from edged.demo.run_folder import RunFolder, ended_with_parent, run_folder
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
{extra_config}"""
UPDATES_CONFIG_TEMPLATE = """\
[model]
bundled = "marks-fast"

[updates]
trust = "{trust}"
"""
UPDATE_TIMEOUT_S = 120.0
_LOG_NAME = "edged.log"
_POLL_S = 0.2
_STOP_TIMEOUT_S = 10.0


def run_demo(*, seconds: float, view: DemoView, clock: Clock) -> DemoState:
    """Run the demo for a time, or until Ctrl-C or SIGTERM.

    Args:
        seconds: duration in seconds; 0: no limit.
        view: shows the messages.
        clock: the clock of the duration.

    Returns:
        The messages that the subscriber received before the daemon was stopped.

    Raises:
        EdgedError: the broker or the daemon does not start, or the daemon exits by itself.
    """
    with _running_broker(clock) as (folder, port):
        return _run_daemon(folder, port, "", _DemoMonitor(view, clock, seconds))


def run_update_demo(*, view: DemoView, clock: Clock) -> UpdateScenario:
    """Run the demo until a better model was committed and a degraded one rolled back, or until Ctrl-C or SIGTERM.

    Raises:
        EdgedError: as of `run_demo`; or the bundles cannot be made.
    """
    with _running_broker(clock) as (folder, port):
        view.announce("making keys, a trust file and two signed bundles")
        artifacts = make_artifacts(folder.path)
        scenario = UpdateScenario(artifacts, folder.path / "state")
        _run_daemon(
            folder,
            port,
            UPDATES_CONFIG_TEMPLATE.format(trust=artifacts.trust_file),
            _DemoMonitor(view, clock, UPDATE_TIMEOUT_S, scenario),
        )
        return scenario


@contextmanager
def _running_broker(clock: Clock) -> Iterator[tuple[RunFolder, int]]:
    """Yield a folder for all files, and the port of a running broker."""
    with (
        run_folder("edged-demo-") as folder,
        LoopbackBroker(clock, guard_fd=folder.guard_fd) as broker,
    ):
        yield folder, broker.port


class _DemoMonitor:
    """Shows messages until the time is over, or the scenario is done."""

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
                if self._scenario and (description := self._scenario.start_next()):
                    self._view.announce(description)
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
        is_late = self._deadline is not None and self._deadline.expired
        return is_late or (self._scenario is not None and self._scenario.is_done)


def _run_daemon(
    folder: RunFolder, port: int, extra_config: str, monitor: _DemoMonitor
) -> DemoState:
    config = CONFIG_TEMPLATE.format(
        device=DEVICE, folder=folder.path, host=HOST, port=port, extra_config=extra_config
    )
    with Subscriber(host=HOST, port=port, device=DEVICE) as subscriber:
        daemon = _start_daemon(folder, config)
        try:
            monitor.watch(subscriber, daemon)
        except KeyboardInterrupt:
            pass
        finally:
            _stop_daemon(daemon)
    # It dies by the signal if that comes before its first line of Python.
    if daemon.returncode not in (0, -signal.SIGTERM):
        log = (folder.path / _LOG_NAME).read_text()
        raise EdgedError(f"the daemon exited with {daemon.returncode}; its log:\n{log}")
    return monitor.state


def _start_daemon(folder: RunFolder, config: str) -> subprocess.Popen[bytes]:
    path = folder.path / "edged.toml"
    path.write_text(config)
    with (folder.path / _LOG_NAME).open("wb") as log_file:
        return subprocess.Popen(
            ended_with_parent([sys.executable, "-m", "edged", "run", "-c", str(path)]),
            stdin=subprocess.DEVNULL,
            stderr=log_file,
            pass_fds=(folder.guard_fd,),
        )


def _stop_daemon(daemon: subprocess.Popen[bytes]) -> None:
    if daemon.poll() is None:
        daemon.send_signal(signal.SIGTERM)
    try:
        daemon.wait(_STOP_TIMEOUT_S)
    except subprocess.TimeoutExpired:
        daemon.kill()
        daemon.wait()
