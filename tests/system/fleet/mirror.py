"""A mirror in the fleet's network, from which devices fetch."""

import subprocess
import sys
import time
from pathlib import Path
from types import TracebackType
from typing import Self

from system.networks import Network

_PORT = 8000
_START_S = 20.0


class Mirror:
    """Python's web server on a folder, without ranges and encryption."""

    def __init__(self, network: Network, folder: Path) -> None:
        """Make the folder; entering the context starts the server."""
        self._network, self._folder = network, folder
        self._url = f"http://{network.gateway}:{_PORT}"
        folder.mkdir()
        self._process: subprocess.Popen[bytes] | None = None

    def publish_file(self, file: Path) -> str:
        """Copy a file or a folder there, and return its URL."""
        (self._folder / file.name).symlink_to(file)
        return f"{self._url}/{file.name}"

    def __enter__(self) -> Self:
        serve = [sys.executable, "-m", "http.server", "--directory", str(self._folder), str(_PORT)]
        self._process = subprocess.Popen(
            [*self._network.enter_argv(), *serve],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        deadline = time.monotonic() + _START_S
        command = [
            sys.executable,
            "-c",
            f"import urllib.request; urllib.request.urlopen('{self._url}')",
        ]
        while self._network.run(*command, check=False).returncode:
            assert time.monotonic() < deadline, "the mirror does not listen"
            time.sleep(0.1)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        assert self._process is not None
        self._process.terminate()
        self._process.wait()
