"""The whole daemon in a process of its own: `edged run` with a configuration."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

from support.waiting import wait_for

_MAX_EXIT_S = 60.0


class DaemonProcess:
    """A daemon that starts on entering the context, and ends on leaving it: by SIGTERM, or else by SIGKILL.

    Args:
        folder: folder for its files.
        config: its configuration, without the table [device].
        env: further environment variables.
        enter_argv: words that precede its command, to run it in another network.
    """

    def __init__(
        self,
        folder: Path,
        config: str,
        *,
        env: Mapping[str, str] | None = None,
        enter_argv: Sequence[str] = (),
    ) -> None:
        self.config = folder / "edged.toml"
        self.config.write_text(
            f'{config}\n[device]\nname = "{DEVICE_NAME}"\nstate_dir = "{folder}/state"\n'
        )
        self._log = folder / "edged.log"
        self._argv = [*enter_argv, sys.executable, "-m", "edged", "run", "-c", str(self.config)]
        self._env = {**os.environ, **(env or {})}

    def __enter__(self) -> Self:
        with self._log.open("ab") as log:
            self.process = subprocess.Popen(
                self._argv,
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
                raise AssertionError(f"the daemon did not end; its log:\n{self.log_text}") from None
        if error is not None:
            print(self.log_text)

    @property
    def log_text(self) -> str:
        """Everything that the daemon has written to standard error."""
        return self._log.read_text()

    def send_signal(self, number: signal.Signals) -> None:
        """Send a signal to the daemon."""
        self.process.send_signal(number)

    def worker_pids(self) -> list[int]:
        """Return the process ids of the daemon's children."""
        pid = self.process.pid
        return [int(p) for p in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]

    def await_worker_pids(self, timeout_s: float = 20.0) -> list[int]:
        """Wait until the daemon has children, and return their process ids."""
        return wait_for(self.worker_pids, timeout_s=timeout_s, state=lambda: self.log_text)

    def await_log(self, text: str, count: int = 1, timeout_s: float = 20.0) -> None:
        """Wait until it has logged this so many times."""
        end = time.monotonic() + timeout_s
        while self.log_text.count(text) < count:
            assert time.monotonic() < end, self.log_text
            time.sleep(0.02)

    def stop(self) -> tuple[int, float]:
        """Send SIGTERM; return the exit code, and after how many seconds the daemon ended."""
        began = time.monotonic()
        self.process.terminate()
        return self.process.wait(_MAX_EXIT_S), time.monotonic() - began


DEVICE_NAME = "bench-1"
