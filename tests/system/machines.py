"""Machines for the system tests: Debians that boot a real systemd, each with a disk and an address of its own, in about a second.

    image = DebianImage("bookworm")                # made once, kept in the cache; all machines of a release share it
    with Network() as network, Machine("pi1", image, network, tmp_path / "pi1") as pi1:
        pi1.run("systemctl", "is-active", "mosquitto")
        network.run("ping", "-c1", pi1.address)    # from the controller's side, as ssh and Ansible do
        pi1.power_cut()
        pi1.power_on()

They are containers (systemd-nspawn over an overlay) with a common kernel and without clocks of their own. `power_cut` ends the processes of a
machine, but loses nothing on its disk, because the kernel that holds the cache goes on.
"""

import contextlib
import os
import shutil
import signal
import subprocess
import time
from collections.abc import Mapping
from pathlib import Path
from tempfile import TemporaryDirectory
from types import TracebackType
from typing import Literal, Self

from system.commands import ip, run
from system.debian_images import DebianImage
from system.networks import Network

Hierarchy = Literal["unified", "hybrid"]

_BOOT_SCRIPT = Path(__file__).with_name("boot")
_BOOT_S = 60.0
_END_S = 30.0
_RUN_S = 120.0
_POLL_S = 0.05
_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"


def missing_requirement() -> str:
    """Return why no machine can be booted here; empty if one can."""
    if os.geteuid() != 0:
        return "only root can boot machines"
    programs = ("systemd-nspawn", "mmdebstrap", "ip", "nsenter", "unshare")
    absent = [program for program in programs if shutil.which(program) is None]
    if absent:
        packages = "systemd-container mmdebstrap iproute2 util-linux"
        return f"{', '.join(absent)} missing: apt-get install {packages}"
    if "overlay" not in Path("/proc/filesystems").read_text():
        return "this kernel has no overlay file system"
    return _missing_privilege()


def _missing_privilege() -> str:
    """Return why root cannot boot machines here, as in some containers."""
    with TemporaryDirectory() as folder:
        for name in ("lower", "upper", "work", "root"):
            Path(folder, name).mkdir()
        layers = "lowerdir=lower,upperdir=upper,workdir=work"
        mount = (
            f"cd {folder} && mount -t overlay overlay -o {layers} root && mount -t tmpfs tmpfs root"
        )
        tried = run(["unshare", "--mount", "--net", "sh", "-c", mount], check=False)
    if tried.returncode:
        return f"root may not mount here, or not have networks: {tried.stderr.strip()}"
    return ""


class Machine:
    """A machine that runs from entering the context to leaving it; its files stay in its folder.

    Attributes:
        name: its name and host name.
        address: its address on the network, which never changes.
        console: the file with its console output.
    """

    def __init__(
        self,
        name: str,
        base: DebianImage,
        network: Network,
        folder: Path,
        *,
        hierarchy: Hierarchy = "unified",
    ) -> None:
        """Connect the machine to the network; entering the context switches it on.

        Args:
            name: letters and digits, at most eleven.
            base: its disk at first.
            network: its network.
            folder: folder for its files; on a file system of its own for tests of the disk.
            hierarchy: "hybrid" enforces MemoryMax=, TasksMax= and CPUQuota= instead of DevicePolicy= and IPAddressDeny=.
        """
        self.name = name
        self.console = folder / "console.log"
        self._base = base.root_dir()
        self._network = network
        self._netns = f"{network.name}-{name}"
        self._folder = folder
        self._hierarchy = hierarchy
        self._launcher: subprocess.Popen[bytes] | None = None
        (folder / "upper/etc").mkdir(parents=True, exist_ok=True)
        (folder / "upper/etc/hostname").write_text(f"{name}\n")
        (folder / "upper/etc/hosts").write_text(f"127.0.0.1 localhost {name}\n::1 localhost\n")
        self.address = network.add_machine(self._netns, f"v-{name}")

    def __enter__(self) -> Self:
        try:
            self.power_on()
        except BaseException:
            self.unplug()
            raise
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.unplug()

    # ---- Power

    def power_on(self) -> None:
        """Switch the machine on, and wait until it has booted."""
        self._folder.joinpath("groups").unlink(missing_ok=True)
        with self.console.open("ab") as console:
            self._launcher = subprocess.Popen(
                [_BOOT_SCRIPT, self._folder, self._base, self._netns, self.name, self._hierarchy],
                stdin=subprocess.DEVNULL,
                stdout=console,
                stderr=console,
                start_new_session=True,
            )
        self.await_boot()

    def reboot(self) -> None:
        """Reboot in order: services are stopped first."""
        before = self.leader()
        self.run("systemctl", "reboot", check=False)
        deadline = time.monotonic() + _END_S
        while Path(f"/proc/{before}").exists():
            assert time.monotonic() < deadline, (
                f"{self.name} does not go down\n{self._console_tail()}"
            )
            time.sleep(_POLL_S)
        self.await_boot()

    def power_cut(self) -> None:
        """Kill all processes at once; `power_on` switches the machine on again."""
        if self._launcher is None:
            return
        os.kill(self._launcher.pid, signal.SIGKILL)  # otherwise it would take this for a reboot
        with contextlib.suppress(ProcessLookupError):
            os.kill(self.leader(), signal.SIGKILL)
        self._await_exit()

    def shut_down(self) -> None:
        """Shut the machine down in order; kill it if that takes too long, which is an error."""
        if self._launcher is None:
            return
        self._launcher.terminate()
        try:
            self._launcher.wait(_END_S)
        except subprocess.TimeoutExpired:
            self.power_cut()
            raise AssertionError(
                f"{self.name} does not shut down\n{self._console_tail()}"
            ) from None
        self._await_exit()

    def unplug(self) -> None:
        """Switch the machine off and remove it from the network."""
        self.power_cut()
        ip("netns", "del", self._netns)  # this removes its port of the bridge, too

    def await_boot(self, timeout_s: float = _BOOT_S) -> str:
        """Wait until systemd has nothing more to start.

        Returns:
            "running", or "degraded" where a unit failed.
        """
        deadline = time.monotonic() + timeout_s
        while True:
            with contextlib.suppress(ProcessLookupError):
                state = self.run("systemctl", "is-system-running", check=False).stdout.strip()
                if state in {"running", "degraded"}:
                    return state
            assert self._launcher is not None
            assert self._launcher.poll() is None, f"{self.name} ended\n{self._console_tail()}"
            assert time.monotonic() < deadline, f"{self.name} does not boot\n{self._console_tail()}"
            time.sleep(_POLL_S)

    # ---- Commands

    def run(
        self,
        *argv: str,
        check: bool = True,
        stdin: bytes = b"",
        env: Mapping[str, str] | None = None,
        timeout_s: float = _RUN_S,
    ) -> subprocess.CompletedProcess[str]:
        """Run a command as root on the machine, without a shell; a failure is an AssertionError with its output, unless `check` is False."""
        variables = {
            "PATH": _PATH,
            "HOME": "/root",
            "LANG": "C.UTF-8",
            "TERM": "dumb",
            **(env or {}),
        }
        settings = [f"{name}={value}" for name, value in variables.items()]
        enter = ["nsenter", f"--target={self.leader()}", "--all", "env", "-i", *settings]
        return run([*enter, *argv], check=check, stdin=stdin, timeout_s=timeout_s)

    def run_script(self, script: str, *, check: bool = True, timeout_s: float = _RUN_S) -> str:
        """Run a shell script on the machine, and return its standard output."""
        return self.run("sh", "-euc", script, check=check, timeout_s=timeout_s).stdout

    def write(self, path: str, content: str | bytes, *, mode: int = 0o644) -> None:
        """Write a file on the machine, and make the folders above it."""
        given = content.encode() if isinstance(content, str) else content
        self.run("install", "-D", f"--mode={mode:o}", "/dev/stdin", path, stdin=given)

    def copy(self, source: Path, target: str) -> None:
        """Copy a file of this host to the machine."""
        self.write(target, source.read_bytes())

    def leader(self) -> int:
        """Return the process id that the machine's first process has on this host.

        Raises:
            ProcessLookupError: the machine does not run.
        """
        try:
            nspawn = int(self._folder.joinpath("nspawn.pid").read_text())
            children = Path(f"/proc/{nspawn}/task/{nspawn}/children").read_text().split()
            for child in children:
                if Path(f"/proc/{child}/comm").read_text().strip() == "systemd":
                    return int(child)
        except (OSError, ValueError):
            pass
        raise ProcessLookupError(f"{self.name} is not running")

    def _await_exit(self) -> None:
        """Wait until the machine's last process has ended."""
        if self._launcher is None:
            return
        self._launcher.wait(_END_S)
        self._launcher = None
        pid = self._folder / "nspawn.pid"
        with contextlib.suppress(FileNotFoundError, ValueError):
            nspawn = int(pid.read_text())
            deadline = time.monotonic() + _END_S
            while Path(f"/proc/{nspawn}").exists():
                assert time.monotonic() < deadline, f"{self.name} does not end"
                time.sleep(_POLL_S)
            pid.unlink()
        for group in self._folder.joinpath("groups").read_text().split():
            _remove_groups(Path(group))

    def _console_tail(self) -> str:
        """Return the end of the console output."""
        return self.console.read_text("utf-8", "replace")[-4000:]


def _remove_groups(top: Path) -> None:
    """Remove a control group without processes, and those below it."""
    for folder, _, _ in os.walk(top, topdown=False):
        with contextlib.suppress(OSError):
            Path(folder).rmdir()
