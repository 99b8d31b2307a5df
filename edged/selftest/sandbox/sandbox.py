"""What a process that handles an untrusted model file gives up, for good, before it looks at it.

Three layers, of which each holds without the others: limits (no core dumps, no files written, bounded memory and processor time); a
filter of system calls (no network, no other processes, no change to any file); and Landlock (only these files are there at all).
Where the kernel or libseccomp lacks one, the others hold; `confine` says which do.
"""

import resource
import sys
import sysconfig
from dataclasses import dataclass
from pathlib import Path

from edged.selftest.sandbox.landlock import apply_landlock, forbid_new_privileges
from edged.selftest.sandbox.seccomp import deny_system_calls

MAX_MEMORY_BYTES = 4 << 30
"""Of address space: the runtimes reserve several times what they use."""
MAX_CPU_S = 600

_LIBRARY_PATHS = ("/usr", "/lib", "/lib32", "/lib64", "/etc/ld.so.cache", "/etc/ld.so.preload")
# Without these the runtimes do not find out what the processor can do, and are slow without a word.
_PROCESSOR_INFO_PATHS = (
    "/sys",
    "/proc/self",
    "/proc/cpuinfo",
    "/proc/meminfo",
    "/proc/stat",
    "/proc/sys/vm",
    "/proc/device-tree",
)
_HARMLESS_DEVICES = ("/dev/null", "/dev/zero", "/dev/urandom", "/dev/random")
_DEVICE_PATHS = ("/dev", "/run/udev")
_ROOT = Path("/")


@dataclass(frozen=True, slots=True, kw_only=True)
class Confinement:
    """What a confined process can still reach, beside Python and the system's libraries.

    Attributes:
        readable: files and folders.
        allows_devices: all devices are open to it: a delegate needs its own.
    """

    readable: frozenset[Path]
    allows_devices: bool = False

    def covers(self, other: "Confinement") -> bool:
        """Whether a process that is so confined reaches all that the other does, and no device that it should not."""
        return other.allows_devices == self.allows_devices and all(
            self.readable.intersection((path, *path.parents)) for path in other.readable
        )


def confine(confinement: Confinement) -> tuple[str, ...]:
    """Confine this process; it must not have started any thread yet.

    Returns:
        What holds it: ``rlimits``, ``landlock``, ``seccomp``; and ``devices open`` if they are.
    """
    _set_resource_limits()
    forbid_new_privileges()
    held = {
        "rlimits": True,
        "landlock": _restrict_files(confinement),
        "seccomp": deny_system_calls(allow_devices=confinement.allows_devices),
        "devices open": confinement.allows_devices,
    }
    return tuple(name for name, holds in held.items() if holds)


def _restrict_files(confinement: Confinement) -> bool:
    # Landlock does not hold a thread that is there already.
    alone = len(list(Path("/proc/self/task").iterdir())) == 1
    system = {
        Path(place) for place in (*_LIBRARY_PATHS, *_PROCESSOR_INFO_PATHS, *_HARMLESS_DEVICES)
    }
    readable = (confinement.readable | system | _python_paths()) - {_ROOT}
    devices = _DEVICE_PATHS if confinement.allows_devices else ()
    try:
        return apply_landlock(sorted(readable), map(Path, devices)) and alone
    except OSError:
        return False


def _python_paths() -> set[Path]:
    """Where modules come from; not the folder that we happen to be in, which may be any."""
    installed = sysconfig.get_paths()
    places = (installed[kind] for kind in ("stdlib", "platstdlib", "purelib", "platlib"))
    package = Path(__file__).parents[2]
    return {package, *map(Path, (*places, *sys.path[1:], sys.base_prefix, sys.prefix))}


def _set_resource_limits() -> None:
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))
    resource.setrlimit(resource.RLIMIT_CPU, (MAX_CPU_S, MAX_CPU_S))
    if sys.maxsize > MAX_MEMORY_BYTES:  # a 32-bit address space is limited enough
        resource.setrlimit(resource.RLIMIT_AS, (MAX_MEMORY_BYTES, MAX_MEMORY_BYTES))
