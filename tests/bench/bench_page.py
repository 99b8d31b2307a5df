"""What the page costs: the latency of frames while it is open, and memory and processor time of everything while nobody looks.

    PYTHONPATH=.:tests python tests/bench/bench_page.py [latency] [cost] [--json] [--seconds N] [--rounds N]

`latency` alternates in one daemon between an open page (a stream, and live pictures as fast as the page takes them) and none, and compares what
`up/health` says of the frames in between. `cost` runs daemons side by side, with everything off and with everything on, and compares what all their
processes take.
"""

import argparse
import json
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from typing import Any, Self

import httpx

from support.broker import Broker, running_broker
from support.daemon import DaemonProcess
from support.mqtt_recorder import MqttRecorder
from support.waiting import wait_for
from support.web_device import WebDevice, free_port

_PAUSE_S = 0.7
"""Between two live pictures, as in page.js."""
_TICKS_PER_S = 100.0
_CAMERA = (
    '[camera.front]\nsource = "synthetic"\nwidth = 640\nheight = 480\ncycle = 90\nfps = {fps}\n'
)
_PAGE = '[page]\nlisten = "127.0.0.1:PORT"\n[metrics]\nlisten = "127.0.0.1:PORT"\n'
_COMMANDS = "[commands]\nenabled = true\n[home_assistant]\nenabled = true\n"
_PICTURES = '[images]\npolicy = "events"\n'
_VARIANTS: dict[str, tuple[str, ...]] = {
    "off": (),
    "page": (_PAGE,),
    "commands": (_COMMANDS,),
    "pictures": (_PICTURES,),
    "all": (_PAGE, _COMMANDS, _PICTURES),
}
_LATENCY_FRAMES = 512
"""On which `up/health` reports percentiles."""


class OpenPage:
    """A browser's requests without a browser, which would run on another machine."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._is_ending = threading.Event()
        self._threads = [threading.Thread(target=one) for one in (self._listen, self._look)]
        self.picture_count = 0

    def __enter__(self) -> Self:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._is_ending.set()
        for thread in self._threads:
            thread.join()

    def _listen(self) -> None:
        with httpx.stream("GET", f"{self._url}/api/stream", timeout=30.0) as stream:
            for _ in stream.iter_raw():
                if self._is_ending.is_set():
                    return

    def _look(self) -> None:
        with httpx.Client(base_url=self._url, timeout=30.0) as client:
            while not self._is_ending.wait(_PAUSE_S):
                client.get("/api/cameras/front/picture").raise_for_status()
                self.picture_count += 1


def measure_latency(seconds: float, rounds: int) -> dict[str, Any]:
    """Return percentiles of the total latency, milliseconds, with the page closed and open: medians over the rounds."""
    found: dict[str, list[dict[str, float]]] = {"closed": [], "open": []}
    with TemporaryDirectory() as folder:
        camera = (
            f'{_CAMERA.format(fps=30)}[inference]\ngate = "off"\n[images]\npolicy = "on_request"\n'
        )
        device = WebDevice(Path(folder), camera)
        with device.daemon:
            device.await_ready()
            time.sleep(_LATENCY_FRAMES / 30)  # the first frames are no measurement
            for _ in range(rounds):
                found["closed"].append(_take_percentiles(device, seconds))
                with OpenPage(device.page_url) as page:
                    found["open"].append(_take_percentiles(device, seconds))
                assert page.picture_count > seconds / 3
    result: dict[str, Any] = {
        name: {p: round(median(one[p] for one in runs), 2) for p in runs[0]}
        for name, runs in found.items()
    }
    result["p99_ratios"] = [
        round(after["p99"] / before["p99"], 2)
        for before, after in zip(found["closed"], found["open"], strict=True)
    ]
    result["added_p99_ratio"] = round(
        result["open"]["added_p99"] / result["closed"]["added_p99"], 2
    )
    return result


def _take_percentiles(device: WebDevice, seconds: float) -> dict[str, float]:
    time.sleep(max(seconds, _LATENCY_FRAMES / 30 + 1))
    known = len(device.find_payloads("health"))
    health = wait_for(lambda: device.find_payloads("health")[known:])[0]
    latency = health["cameras"]["front"]["latency_s"]
    total = {name: value * 1000 for name, value in latency["total"].items()}
    return {**total, "added_p99": total["p99"] - latency["invoke"]["p50"] * 1000}


def measure_cost(seconds: float, rounds: int) -> dict[str, Any]:
    """Return memory, MiB, and processor time, percent of a core, of all processes of a daemon, with everything off and on."""
    samples: dict[str, list[tuple[float, float]]] = {name: [] for name in _VARIANTS}
    with ExitStack() as stack:
        daemons = {name: stack.enter_context(_run_daemon(name)) for name in samples}
        time.sleep(15)
        for _ in range(rounds):
            before = {name: _cpu_s(daemon) for name, daemon in daemons.items()}
            began = time.monotonic()
            time.sleep(seconds)
            for name, daemon in daemons.items():
                share = (_cpu_s(daemon) - before[name]) / (time.monotonic() - began)
                samples[name].append((_pss_mb(daemon), 100 * share))
    result: dict[str, Any] = {
        name: {
            "pss_mb": round(median(m for m, _ in runs), 2),
            "cpu": round(median(c for _, c in runs), 2),
        }
        for name, runs in samples.items()
    }
    for name in list(_VARIANTS)[1:]:
        result[f"{name} - off"] = {
            "pss_mb": round(
                median(a[0] - b[0] for a, b in zip(samples[name], samples["off"], strict=True)), 2
            ),
            "cpu": round(
                median(a[1] - b[1] for a, b in zip(samples[name], samples["off"], strict=True)), 2
            ),
        }
    return result


@contextmanager
def _run_daemon(name: str) -> Iterator[DaemonProcess]:
    """Run a daemon with its own broker; it is ready when frames arrive."""
    options = "".join(_VARIANTS[name]).replace("PORT", "{}").format(free_port(), free_port())
    with TemporaryDirectory() as text:
        folder = Path(text)
        with (
            running_broker(Broker(folder / "broker")) as broker,
            MqttRecorder(broker.port) as recorder,
        ):
            config = f'[mqtt]\nhost = "127.0.0.1"\nport = {broker.port}\n{_CAMERA.format(fps=10)}{options}'
            with DaemonProcess(folder, config) as daemon:
                recorder.await_message("/detections", timeout_s=60.0)
                yield daemon


def _pids(daemon: DaemonProcess) -> list[int]:
    return [daemon.process.pid, *daemon.worker_pids()]


def _pss_mb(daemon: DaemonProcess) -> float:
    kb = 0
    for pid in _pids(daemon):
        rollup = Path(f"/proc/{pid}/smaps_rollup").read_text()
        kb += int(rollup.partition("\nPss:")[2].split()[0])
    return kb / 1024


def _cpu_s(daemon: DaemonProcess) -> float:
    """Return the processor time of the daemon's processes, those that have ended included."""
    ticks = 0
    for pid in _pids(daemon):
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        ticks += sum(map(int, fields[11:13]))
        if pid == daemon.process.pid:
            ticks += sum(map(int, fields[13:15]))
    return ticks / _TICKS_PER_S


def main() -> None:
    """Measure, and print what was found."""
    parser = argparse.ArgumentParser(description="Measure what the page costs.")
    parser.add_argument("what", nargs="*", default=["latency", "cost"])
    parser.add_argument("--seconds", type=float, default=20.0)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--json", action="store_true")
    args = parser.parse_args()
    measures = {"latency": measure_latency, "cost": measure_cost}
    results = {name: measures[name](args.seconds, args.rounds) for name in args.what}
    if args.json:
        print(json.dumps(results))
        return
    for name, result in results.items():
        print(name)
        for row, values in result.items():
            print(f"  {row}: {values}")


if __name__ == "__main__":
    main()
