"""A machine with the package, as its operator sees it."""

import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from system.machines import Machine

_APT = (
    "apt-get",
    "install",
    "--yes",
    "--no-install-recommends",
    "--allow-downgrades",
    "-o",
    "Dpkg::Use-Pty=0",
)
_QUIET = {"DEBIAN_FRONTEND": "noninteractive"}
_APT_S = 300.0
_MAX_WAIT_S = 90.0
_POLL_S = 0.25


class PackagedDevice:
    """A machine, and the commands of apt and edged on it."""

    def __init__(self, host: Machine) -> None:
        """Install nothing yet."""
        self.host = host

    def install(self, deb: Path, *options: str) -> str:
        """Run `apt-get install ./edged.deb`, and return its output."""
        target = f"/root/{deb.name}"
        self.host.copy(deb, target)
        try:
            return self.host.run(*_APT, *options, target, env=_QUIET, timeout_s=_APT_S).stdout
        finally:
            self.host.run("rm", target)

    def remove(self, how: str = "remove") -> None:
        """Run `apt-get remove edged`, or `purge`."""
        self.host.run("apt-get", how, "--yes", "edged", env=_QUIET, timeout_s=_APT_S)

    def unit_properties(self, *properties: str) -> dict[str, str]:
        """Return properties of the service from systemd."""
        argv = ["systemctl", "show", "edged", f"--property={','.join(properties)}"]
        return dict(line.split("=", 1) for line in self.host.run(*argv).stdout.splitlines())

    def version(self) -> str:
        """Return the version of the code."""
        return self.host.run("edged", "--version").stdout.split()[-1]

    def model_status(self) -> dict[str, Any]:
        """Return the response of `edged model status`."""
        response = self.host.run("edged", "model", "status", "--json").stdout
        status: dict[str, Any] = json.loads(response)["status"]
        return status

    def journal(self) -> str:
        """Return the journal of the service."""
        return self.host.run("journalctl", "--unit=edged", "--output=cat", "--no-pager").stdout

    def read_messages(self, topic: str, *, count: int = 1) -> list[Any]:
        """Return the next messages of a topic from the machine's broker."""
        listen = [
            "mosquitto_sub",
            "-h",
            "localhost",
            "-t",
            topic,
            "-C",
            str(count),
            "-W",
            f"{_MAX_WAIT_S:.0f}",
        ]
        return [json.loads(line) for line in self.host.run(*listen).stdout.splitlines()]

    def wait_until(self, condition: Callable[[], object]) -> None:
        """Wait until a condition is true."""
        deadline = time.monotonic() + _MAX_WAIT_S
        while not condition():
            assert time.monotonic() < deadline, self.journal()
            time.sleep(_POLL_S)
