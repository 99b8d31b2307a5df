"""The sandbox of a process that reads an untrusted model file; it cannot be left again.

It has three layers, each effective without the others: limits (no core dumps, no files written, bounded memory and processor time); a
filter of system calls (no network, no other processes, no change to any file); and Landlock (no files but the listed ones can be opened).
Where the kernel or libseccomp lacks one, the others remain; `confine` returns those in effect.
"""

import resource
import sys
import sysconfig
from dataclasses import dataclass
from pathlib import Path

from edged.selftest.sandbox.landlock import apply_landlock, forbid_new_privileges
from edged.selftest.sandbox.seccomp import deny_system_calls

MAX_MEMORY_BYTES = 4 << 30
"""A limit of the address space: the runtimes reserve several times what they use."""
MAX_CPU_S = 600

_LIBRARY_PATHS = ("/usr", "/lib", "/lib32", "/lib64", "/etc/ld.so.cache", "/etc/ld.so.preload")
# Without these the runtimes do not detect the processor's features, and are slow without a warning.
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
    """The files and devices that a confined process can reach, beside Python and the system's libraries.

    Attributes:
        readable: files and folders.
        allows_devices: True if the process can open every device: a delegate needs its own.
    """

    readable: frozenset[Path]
    allows_devices: bool = False

    def covers(self, other: "Confinement") -> bool:
        """Return whether a process with this confinement can open every file of the other one, and exactly its devices."""
        return other.allows_devices == self.allows_devices and all(
            self.readable.intersection((path, *path.parents)) for path in other.readable
        )


def confine(confinement: Confinement) -> tuple[str, ...]:
    """Confine this process, which must not have started any thread yet; return the layers in effect.

    Returns:
        ``rlimits``, ``landlock`` and ``seccomp``, if in effect; and ``devices open`` if devices can be opened.
    """
    _set_resource_limits()
    forbid_new_privileges()
    layers = {
        "rlimits": True,
        "landlock": _restrict_files(confinement),
        "seccomp": deny_system_calls(allow_devices=confinement.allows_devices),
        "devices open": confinement.allows_devices,
    }
    return tuple(name for name, is_active in layers.items() if is_active)


def _restrict_files(confinement: Confinement) -> bool:
    # Landlock does not confine a thread that runs already.
    is_single_thread = len(list(Path("/proc/self/task").iterdir())) == 1
    system = {Path(path) for path in (*_LIBRARY_PATHS, *_PROCESSOR_INFO_PATHS, *_HARMLESS_DEVICES)}
    readable = (confinement.readable | system | _python_paths()) - {_ROOT}
    devices = _DEVICE_PATHS if confinement.allows_devices else ()
    try:
        return apply_landlock(sorted(readable), map(Path, devices)) and is_single_thread
    except OSError:
        return False


def _python_paths() -> set[Path]:
    """Return the folders that modules are imported from, without the working directory, which can be any."""
    installed = sysconfig.get_paths()
    folders = (installed[kind] for kind in ("stdlib", "platstdlib", "purelib", "platlib"))
    package = Path(__file__).parents[2]
    return {package, *map(Path, (*folders, *sys.path[1:], sys.base_prefix, sys.prefix))}


def _set_resource_limits() -> None:
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))
    resource.setrlimit(resource.RLIMIT_CPU, (MAX_CPU_S, MAX_CPU_S))
    if sys.maxsize > MAX_MEMORY_BYTES:  # a 32-bit address space is limited enough
        resource.setrlimit(resource.RLIMIT_AS, (MAX_MEMORY_BYTES, MAX_MEMORY_BYTES))
