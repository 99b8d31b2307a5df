"""A silent disk, a frozen broker and a starved supervisor: no worker is killed, no beat of the watchdog is missed, nothing is lost, and the end comes in time.

`make test` runs a few seconds of each, `make campaign` a minute.
"""

import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from pathlib import Path
from typing import Self

import pytest

from edged.clock import NS_PER_S
from edged.daemon.lag_monitor import LATE_S
from edged.host.board import Board
from support.broker import Broker, running_broker
from support.compiler import compile_library
from support.daemon import DaemonProcess
from support.mqtt_recorder import Body, MqttRecorder
from support.notify_socket import NotifySocket
from support.sampling import Extent, sampled
from support.starvation import starved

SOURCE = Path(__file__).parents[2] / "support" / "silent_disk.c"
CONFIG = """
[mqtt]
host = "127.0.0.1"
port = {port}
[model]
runtime = "simulated"
hang_s = 3.0
[health]
interval_s = 5
[camera.front]
source = "synthetic"
fps = 20
every_s = 0.7
stay_s = 1.5
"""
WATCHDOG_S = 4.0
"""Between two beats there is a quarter of it, and it is the time after which systemd would end the daemon."""
FAULT_S = {"sample": 7.0, "full": 60.0}
"""Longer than `hang_s` and `WATCHDOG_S`."""
RECOVERY_S = 2.0
MAX_LATENCY_S = 1.0
"""For a busy machine; without a fault it is some milliseconds."""
MAX_GROWTH_MB = 5.0


@pytest.fixture(scope="module")
def silent_disk(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The library that makes a disk silent."""
    return compile_library(SOURCE, tmp_path_factory.mktemp("disk") / "silent_disk.so")


class DeviceUnderFault:
    """A daemon with a service manager, a broker, a subscriber, and a disk that can be silent."""

    def __init__(self, folder: Path, library: Path) -> None:
        self._folder = folder
        self._flag = folder / "silent"
        self._library = library
        self._stack = ExitStack()

    def __enter__(self) -> Self:
        enter = self._stack.enter_context
        self.notify = enter(NotifySocket(self._folder, watchdog_s=WATCHDOG_S))
        self.broker = enter(running_broker(Broker(self._folder / "broker")))
        self.recorder = enter(MqttRecorder(self.broker.port))
        environment = {
            "LD_PRELOAD": str(self._library),
            "SILENT_FLAG": str(self._flag),
            "SILENT_FOLDER": str(self._folder / "state"),
            **self.notify.environment,
        }
        config = CONFIG.format(port=self.broker.port)
        self.daemon = enter(DaemonProcess(self._folder, config, env=environment))
        self.recorder.await_event("end")
        self.workers = self.daemon.await_worker_pids()
        return self

    def __exit__(self, *exception: object) -> None:
        self._flag.unlink(missing_ok=True)
        self._stack.close()

    @contextmanager
    def silent_disk(self) -> Iterator[None]:
        self._flag.touch()
        yield
        self._flag.unlink()

    @contextmanager
    def frozen_broker(self) -> Iterator[None]:
        self.broker.freeze()
        yield
        self.broker.thaw()

    @contextmanager
    def starved_supervisor(self) -> Iterator[None]:
        with starved(self.daemon.process.pid):
            yield

    def read_mb(self) -> float:
        """Return the supervisor's memory, MiB."""
        size_mb = Board().read_rss_mb(self.daemon.process.pid)
        assert size_mb is not None
        return size_mb

    def latencies_s(self, since_s: float) -> list[float]:
        """Return the time from a frame to its detections, of those that came since then (monotonic)."""
        return [
            (message.received_ns - message.json["received_ns"]) / NS_PER_S
            for message in self.recorder.messages()
            if message.topic.endswith("/detections") and message.received_ns > since_s * NS_PER_S
        ]

    def health(self) -> Body:
        """Wait for the next health, and return it."""
        return self.recorder.await_message("/health", after=self.recorder.position())

    def event_numbers(self) -> list[int]:
        """Return the events' numbers, in the order in which they came first."""
        return list(dict.fromkeys(event["seq"] for event in self.recorder.payloads("/events")))


Fault = Callable[[DeviceUnderFault], AbstractContextManager[None]]
FAULTS = pytest.mark.parametrize(
    "fault",
    [
        DeviceUnderFault.silent_disk,
        DeviceUnderFault.frozen_broker,
        DeviceUnderFault.starved_supervisor,
    ],
)


@FAULTS
@sampled
def test_nothing_is_killed_missed_or_lost(
    tmp_path: Path, silent_disk: Path, fault: Fault, extent: Extent
) -> None:
    with DeviceUnderFault(tmp_path, silent_disk) as device:
        size_mb = device.read_mb()
        began_s = time.monotonic()
        with fault(device):
            time.sleep(FAULT_S[extent])
        ended_s = time.monotonic()
        time.sleep(2 * RECOVERY_S)
        assert device.notify.longest_wait_s(began_s) < WATCHDOG_S / 2
        assert max(device.latencies_s(ended_s + RECOVERY_S)) < MAX_LATENCY_S
        health = device.health()
        assert health["worker_restarts"] == 0
        assert device.daemon.worker_pids() == device.workers
        assert device.read_mb() - size_mb < MAX_GROWTH_MB
        assert device.daemon.stop()[0] == 0
        device.recorder.await_status("offline")
        numbers = device.event_numbers()
        assert numbers == list(range(numbers[0], numbers[-1] + 1)), "each arrived, in order"


def test_detections_go_on_while_the_disk_is_silent(tmp_path: Path, silent_disk: Path) -> None:
    with DeviceUnderFault(tmp_path, silent_disk) as device:
        began_s = time.monotonic()
        with device.silent_disk():
            time.sleep(FAULT_S["sample"])
            latencies_s = device.latencies_s(began_s)
        assert max(latencies_s) < MAX_LATENCY_S
        assert len(latencies_s) > FAULT_S["sample"], "at least one a second"


@pytest.mark.parametrize(
    ("fault", "limit_s"),
    [
        (DeviceUnderFault.silent_disk, 2.0),
        (DeviceUnderFault.frozen_broker, 2.0),
        (DeviceUnderFault.starved_supervisor, 5.0),
    ],
)
def test_the_end_comes_in_time(
    tmp_path: Path, silent_disk: Path, fault: Fault, limit_s: float
) -> None:
    with DeviceUnderFault(tmp_path, silent_disk) as device:
        with fault(device):
            time.sleep(1.0)
            code, took_s = device.daemon.stop()
        assert code == 0
        assert took_s < limit_s


def test_a_late_supervisor_is_a_condition_and_counts_what_it_skipped(
    tmp_path: Path, silent_disk: Path
) -> None:
    with DeviceUnderFault(tmp_path, silent_disk) as device:
        before = device.recorder.position()
        with starved(device.daemon.process.pid, period_s=1.0):
            time.sleep(3.0)
        device.recorder.await_health(
            lambda body: is_late(body) and body["cameras"]["front"]["observations_skipped"],
            after=before,
        )
        in_time = device.recorder.await_health(
            lambda body: body["loop"]["lag_s"] < LATE_S, after=device.recorder.position()
        )
        assert is_late(in_time), "it has just ended"
        device.recorder.await_health(
            lambda body: not is_late(body), after=device.recorder.position()
        )


def is_late(health: Body) -> bool:
    return any(one["name"] == "late" for one in health["degradations"])
