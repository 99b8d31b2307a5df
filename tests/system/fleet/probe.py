"""A program that runs in the sandbox of the service: it tries what the service may not do, and prints the results as JSON.

Its Python has edged and its libraries.
"""

import ctypes
import json
import os
import socket
import sys
from collections.abc import Callable
from pathlib import Path

_INIT_MODULE, _BPF, _KEYCTL, _PERSONALITY, _CLOCK_SETTIME = 175, 321, 250, 135, 227
"""Calls of x86-64, which the machines are."""
_CLONE_NEWNET, _CLONE_NEWUSER = 0x40000000, 0x10000000
_EXECUTABLE = 0x7


def attempts() -> dict[str, Callable[[], object]]:
    """Return the attempts that must fail, by name."""
    return {
        "a file in /etc": lambda: Path("/etc/probe").touch(),
        "a file in /usr": lambda: Path("/usr/probe").touch(),
        "a file in /opt/edged": lambda: Path("/opt/edged/probe").touch(),
        "a file in /var/lib": lambda: Path("/var/lib/probe").touch(),
        "a file in /run": lambda: Path("/run/probe").touch(),
        "the configuration": lambda: Path("/etc/edged/edged.toml").open("a").close(),
        "a control group": lambda: Path("/sys/fs/cgroup/probe").mkdir(),
        "a kernel setting": lambda: Path("/proc/sys/kernel/domainname").write_text("probe"),
        "the host's name": lambda: socket.sethostname("probe"),
        "reading /home": lambda: Path("/home/somebody/letter").read_text(),
        "reading /root": lambda: list(Path("/root").iterdir()),
        "reading the key on the disk": lambda: Path(
            "/etc/edged/credentials/device.key"
        ).read_text(),
        "a raw socket": lambda: socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_ICMP),
        "a packet socket": lambda: socket.socket(socket.AF_PACKET, socket.SOCK_RAW),
        "a module": lambda: _call("syscall", _INIT_MODULE, b"\0" * 64, 64, b""),
        "a program in the kernel": lambda: _call("syscall", _BPF, 0, 0, 0),
        "a key ring": lambda: _call("syscall", _KEYCTL, 0, 0, 0),
        "another personality": lambda: _call("syscall", _PERSONALITY, 0x0040000),
        "a mount": lambda: _call("mount", b"none", b"/tmp", b"tmpfs", 0, None),
        "a network of its own": lambda: _call("unshare", _CLONE_NEWNET),
        "users of its own": lambda: _call("unshare", _CLONE_NEWUSER),
        "root": lambda: os.setuid(0),
        "the clock": lambda: _call("syscall", _CLOCK_SETTIME, 0, bytes(16)),
        "a device": lambda: os.mknod("/var/lib/edged/node", 0o20600, os.makedev(1, 1)),
        "the kernel's log": lambda: os.open("/dev/kmsg", os.O_RDONLY),
        "memory that is written and run": _write_and_run,
        "a file that anybody runs as its owner": _setuid_file,
    }


def allowed() -> dict[str, Callable[[], object]]:
    """Return the attempts that must succeed, by name."""
    return {
        "its state": lambda: Path("/var/lib/edged/probe").write_text(""),
        "its runtime directory": lambda: Path("/run/edged/probe").write_text(""),
        "a TCP socket": socket.socket,
        "its credential": lambda: Path(
            os.environ["CREDENTIALS_DIRECTORY"], "device.key"
        ).read_text(),
        "the processor's kind": lambda: Path("/proc/cpuinfo").read_text(),
    }


def _write_and_run() -> None:
    import mmap

    mmap.mmap(-1, 4096, prot=_EXECUTABLE).close()


def _setuid_file() -> None:
    place = Path("/var/lib/edged/probe")
    place.touch()
    place.chmod(0o4755)


def _call(name: str, *arguments: object) -> None:
    if getattr(ctypes.CDLL(None, use_errno=True), name)(*arguments) < 0:
        code = ctypes.get_errno()
        raise OSError(code, os.strerror(code))


def _outcome(attempt: Callable[[], object]) -> str:
    try:
        attempt()
    except OSError as error:
        return os.strerror(error.errno or 0)
    return "open"


if __name__ == "__main__":
    json.dump(
        {
            group.__name__: {name: _outcome(attempt) for name, attempt in group().items()}
            for group in (attempts, allowed)
        },
        sys.stdout,
    )
