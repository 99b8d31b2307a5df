"""A daemon with a page and metrics on loopback ports, and a client of them."""

import json
import socket
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx

from support.daemon import DaemonProcess
from support.waiting import wait_for

CAMERA = '[camera.front]\nsource = "synthetic"\nwidth = 320\nheight = 240\nfps = 10.0\n'
SIMULATED = '[model]\nruntime = "simulated"\n'


def free_port() -> int:
    """Return a port of loopback that nobody uses now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


class WebDevice:
    """A daemon with a page.

    Args:
        folder: folder for its files.
        config: further configuration.
        page: further keys of the page.
        env: further environment variables of the daemon.
    """

    def __init__(
        self,
        folder: Path,
        config: str = CAMERA,
        *,
        page: str = "",
        env: Mapping[str, str] | None = None,
    ) -> None:
        self.folder = folder
        self.page_port, self.metrics_port = free_port(), free_port()
        self.messages = folder / "messages.jsonl"
        text = (
            f"[health]\ninterval_s = 1\n"
            f'[jsonl]\npath = "{self.messages}"\n[metrics]\nlisten = "127.0.0.1:{self.metrics_port}"\n'
            f'[page]\nlisten = "127.0.0.1:{self.page_port}"\n{page}\n{config}'
        )
        self.daemon = DaemonProcess(folder, text, env=env)
        scheme = "https" if "tls_key" in page else "http"
        self.page_url = f"{scheme}://127.0.0.1:{self.page_port}"
        self.metrics_url = f"http://127.0.0.1:{self.metrics_port}"

    def web_pids(self) -> list[int]:
        """Return the web processes, by their command line."""
        return [
            pid
            for pid in self.daemon.worker_pids()
            if b"edged.web" in Path(f"/proc/{pid}/cmdline").read_bytes()
        ]

    def find_payloads(self, topic: str) -> list[dict[str, Any]]:
        """Return the payloads that the daemon has published on a topic below ``up/``."""
        lines = self.messages.read_text().splitlines() if self.messages.exists() else []
        messages = [json.loads(line) for line in lines]
        return [
            message["payload"] for message in messages if message["topic"].endswith(f"/up/{topic}")
        ]

    def get(self, path: str, *, url: str | None = None) -> httpx.Response:
        """Ask for a page."""
        return httpx.get(f"{url or self.page_url}{path}", timeout=20.0)

    def await_ready(self) -> None:
        """Wait until /readyz of the metrics says that the device works."""
        wait_for(self._is_ready, timeout_s=30.0, state=lambda: self.daemon.log_text)

    def _is_ready(self) -> bool:
        try:
            return self.get("/readyz", url=self.metrics_url).status_code == 200
        except httpx.TransportError:  # it does not listen yet
            return False


@contextmanager
def running_web_device(
    folder: Path, config: str = CAMERA, *, page: str = ""
) -> Iterator[WebDevice]:
    """Run a daemon with a page; yield it when it is ready."""
    device = WebDevice(folder, config, page=page)
    with device.daemon:
        device.await_ready()
        yield device
