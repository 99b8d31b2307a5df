"""Machines for the system tests: Debians that boot a real systemd, each with a disk and an address of its own, in about a second.

    base = Base("bookworm")                        # made once, kept in the cache; all machines of a release share it
    with Network() as network, Host("pi1", base, network, tmp_path / "pi1") as pi1:
        pi1.run("systemctl", "is-active", "mosquitto")
        network.run("ping", "-c1", pi1.address)    # from the controller's side; ssh and Ansible too
        pi1.power_cut()
        pi1.up()

They are containers (systemd-nspawn over an overlay): one kernel, and no clock of their own. What a power cut loses on a real disk it
does not lose here, because the kernel that holds the cache goes on: `power_cut` proves what happens to processes, not to sectors.
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
    """Why no machine can be booted here; empty if one can."""
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
    """Why not even root can boot machines here, as in some containers."""
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
    """A machine: up on entering, gone on leaving. What it wrote stays in its folder.

    Attributes:
        name: also its host name.
        address: on its network, the same for its whole life.
        console: the file that has what it printed while booting.
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
        """Plugged in, not yet switched on.

        Args:
            name: letters and digits, at most eleven.
            base: what is on its disk at first.
            network: what it is plugged into.
            folder: for what it writes; on a file system of your own, if the disk is what is tried.
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

    # ---- Its power

    def power_on(self) -> None:
        """Switch it on, and wait until it has booted."""
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
        """As `reboot` does it: services are stopped first."""
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
        """All its processes are gone at once; nothing is told, flushed or stopped. `up` switches it on again."""
        if self._launcher is None:
            return
        os.kill(self._launcher.pid, signal.SIGKILL)  # so that it does not take this for a reboot
        with contextlib.suppress(ProcessLookupError):
            os.kill(self.leader(), signal.SIGKILL)
        self._await_exit()

    def shut_down(self) -> None:
        """Shut it down in order; killed if that takes too long, which is an error."""
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
        """Off, and unplugged for good."""
        self.power_cut()
        ip("netns", "del", self._netns)  # its port of the bridge goes with it

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

    # ---- What is done on it

    def run(
        self,
        *argv: str,
        check: bool = True,
        stdin: bytes = b"",
        env: Mapping[str, str] | None = None,
        timeout_s: float = _RUN_S,
    ) -> subprocess.CompletedProcess[str]:
        """Run a command on it, as its root, without a shell; a failure is an AssertionError with all that it said, unless `check` is False."""
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
        """Run a shell script on it; returns what it wrote to its standard output."""
        return self.run("sh", "-euc", script, check=check, timeout_s=timeout_s).stdout

    def write(self, path: str, content: str | bytes, *, mode: int = 0o644) -> None:
        """Write a file on it, with the folders above it."""
        given = content.encode() if isinstance(content, str) else content
        self.run("install", "-D", f"--mode={mode:o}", "/dev/stdin", path, stdin=given)

    def copy(self, source: Path, target: str) -> None:
        """Copy one file of this machine to it."""
        self.write(target, source.read_bytes())

    def leader(self) -> int:
        """The pid that its first process has here; ProcessLookupError while it has none."""
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
        """Wait until nothing of it is left."""
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
        """The end of its console."""
        return self.console.read_text("utf-8", "replace")[-4000:]


def _remove_groups(top: Path) -> None:
    """Remove a control group and those below it; they have no processes any more."""
    for folder, _, _ in os.walk(top, topdown=False):
        with contextlib.suppress(OSError):
            Path(folder).rmdir()
