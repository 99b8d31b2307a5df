"""The whole daemon, as a process of its own: `edged run` on a configuration."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Self

_MAX_EXIT_S = 60.0


class DaemonProcess:
    """Started on entering; asked to end on leaving, and killed if it does not."""

    def __init__(self, folder: Path, config: str, *, env: Mapping[str, str] | None = None) -> None:
        self.config = folder / "edged.toml"
        self.config.write_text(
            f'{config}\n[device]\nname = "{DEVICE_NAME}"\nstate_dir = "{folder}/state"\n'
        )
        self._log = folder / "edged.log"
        self._env = {**os.environ, **(env or {})}

    def __enter__(self) -> Self:
        with self._log.open("ab") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "edged", "run", "-c", str(self.config)],
                stdin=subprocess.DEVNULL,
                stderr=log,
                env=self._env,
            )
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self.process.poll() is None:
            self.process.terminate()
        try:
            self.process.wait(5)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
            if error is None:
                raise AssertionError(f"it did not end; it said:\n{self.log_text}") from None
        if error is not None:
            print(self.log_text)

    @property
    def log_text(self) -> str:
        """What it wrote to standard error so far."""
        return self._log.read_text()

    def send_signal(self, number: signal.Signals) -> None:
        """Send a signal."""
        self.process.send_signal(number)

    def worker_pids(self) -> list[int]:
        """The pids of its children."""
        pid = self.process.pid
        return [int(p) for p in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]

    def await_worker_pids(self, timeout_s: float = 20.0) -> list[int]:
        """Its children, as soon as there are any."""
        end = time.monotonic() + timeout_s
        while not (workers := self.worker_pids()):
            assert time.monotonic() < end, self.log_text
            time.sleep(0.02)
        return workers

    def await_log(self, text: str, count: int = 1, timeout_s: float = 20.0) -> None:
        """Wait until it has logged this so many times."""
        end = time.monotonic() + timeout_s
        while self.log_text.count(text) < count:
            assert time.monotonic() < end, self.log_text
            time.sleep(0.02)

    def stop(self) -> tuple[int, float]:
        """SIGTERM; its exit code, and after how many seconds."""
        began = time.monotonic()
        self.process.terminate()
        return self.process.wait(_MAX_EXIT_S), time.monotonic() - began


DEVICE_NAME = "bench-1"
