"""Signals that arrive while the daemon starts."""

import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from support.broker import Broker, running_broker
from support.daemon import DaemonProcess
from support.mqtt_recorder import MqttRecorder
from support.waiting import wait_for

CONFIG = """
[model]
runtime = "simulated"

[camera.front]
source = "synthetic"
"""


@pytest.fixture(scope="module")
def broker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Broker]:
    with running_broker(Broker(tmp_path_factory.mktemp("broker"))) as broker:
        yield broker


def _catches(pid: int, number: signal.Signals) -> bool:
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("SigCgt:"):
            return bool(int(line.split()[1], 16) >> number - 1 & 1)
    return False


def test_signals_are_caught_before_the_daemons_parts_are_imported() -> None:
    script = "import sys, edged.cli.run; print({'edged.daemon.main', 'numpy', 'paho'} & set(sys.modules))"
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    )

    assert done.stdout.strip() == "set()"


@pytest.mark.parametrize("delay_s", [0.0, 0.2, 0.5, 0.8, 1.2])
def test_sigterm_while_it_starts_is_an_orderly_end(
    broker: Broker, tmp_path: Path, delay_s: float
) -> None:
    config = f'[mqtt]\nhost = "127.0.0.1"\nport = {broker.port}\n{CONFIG}'
    with (
        MqttRecorder(broker.port) as recorder,
        DaemonProcess(tmp_path, config) as daemon,
    ):
        wait_for(lambda: _catches(daemon.process.pid, signal.SIGTERM), poll_s=0.001)
        time.sleep(delay_s)
        daemon.send_signal(signal.SIGHUP)
        code, _took_s = daemon.stop()
        log = daemon.log_text
        statuses = [body["status"] for body in recorder.payloads("/status")]

    assert code == 0, log
    assert "Traceback" not in log
    assert statuses[-1:] != ["online"]
