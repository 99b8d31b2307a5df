"""A network with a controller's side and machines, from which nothing outside can be reached."""

import itertools
import secrets
import subprocess
from types import TracebackType
from typing import Self

from system.commands import ip, run


class Network:
    """A bridge in a network namespace, with a controller's side and a port for each machine."""

    gateway = "10.77.0.1"

    def __init__(self) -> None:
        """Make nothing yet: entering the context does."""
        self.name = f"edged-{secrets.token_hex(3)}"
        self._numbers = itertools.count(11)

    def __enter__(self) -> Self:
        ip("netns", "add", self.name)
        self.ip("link", "set", "lo", "up")
        self.ip("link", "add", "br0", "type", "bridge")
        self.ip("addr", "add", f"{self.gateway}/24", "dev", "br0")
        self.ip("link", "set", "br0", "up")
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        ip("netns", "del", self.name)

    def ip(self, *arguments: str) -> None:
        """Run `ip` on the controller's side."""
        ip("-n", self.name, *arguments)

    def run(
        self, *argv: str, check: bool = True, timeout_s: float = 120.0
    ) -> subprocess.CompletedProcess[str]:
        """Run a program of this host on the controller's side."""
        return run([*self.enter_argv(), *argv], check=check, timeout_s=timeout_s)

    def enter_argv(self) -> list[str]:
        """Return the words that precede a command which is to run on the controller's side with this host's files."""
        return ["nsenter", f"--net=/run/netns/{self.name}"]

    def add_machine(self, netns: str, port: str) -> str:
        """Make a network namespace whose `host0` is a port of the bridge, and return its address."""
        address = f"10.77.0.{next(self._numbers)}"
        ip("netns", "add", netns)
        self.ip("link", "add", port, "type", "veth", "peer", "name", "host0", "netns", netns)
        self.ip("link", "set", port, "master", "br0", "up")
        ip("-n", netns, "addr", "add", f"{address}/24", "dev", "host0")
        ip("-n", netns, "link", "set", "host0", "up")
        ip("-n", netns, "link", "set", "lo", "up")
        return address
