"""A filter of system calls, made by libseccomp, which every Debian has: systemd needs it.

A denied call fails with EPERM. The list has the calls that no interpreter needs; all others are allowed: a list of the
calls that it does need would break with each new version of a runtime or of the C library.
"""

import ctypes
import errno
import os
from dataclasses import dataclass

_LIBRARY = "libseccomp.so.2"
_ACT_ALLOW, _ACT_ERRNO = 0x7FFF0000, 0x00050000
_ATTR_TSYNC, _ATTR_OPTIMIZE = 4, 8
_UNKNOWN_CALL = -1
_NOT_EQUAL, _EQUAL, _MASKED_EQUAL = 1, 4, 7
_CLONE_THREAD = 0x00010000
_AF_NETLINK = 16
_TIOCSTI = 0x5412
_PR_SET_PDEATHSIG = 1

_DENIED_CALLS = {
    "the network": "connect listen accept accept4 sendmmsg",
    "other programs": "execve execveat fork vfork",
    "other processes": "ptrace process_vm_readv process_vm_writev process_madvise kcmp tkill rt_sigqueueinfo rt_tgsigqueueinfo "
    "pidfd_open pidfd_getfd pidfd_send_signal shmget shmat semget msgget mq_open",
    "other views of the system": "unshare setns chroot pivot_root mount umount umount2 mount_setattr move_mount open_tree fsopen "
    "fsconfig fsmount fspick open_by_handle_at name_to_handle_at fanotify_init",
    "the kernel": "init_module finit_module delete_module kexec_load kexec_file_load bpf perf_event_open userfaultfd keyctl add_key "
    "request_key io_uring_setup io_uring_enter io_uring_register syslog iopl ioperm modify_ldt",
    "the host": "reboot swapon swapoff acct quotactl quotactl_fd settimeofday stime clock_settime clock_settime64 adjtimex "
    "clock_adjtime clock_adjtime64 sethostname setdomainname",
    "more rights": "setuid setgid setreuid setregid setresuid setresgid setfsuid setfsgid setgroups capset setrlimit",
    "files": "creat mkdir mkdirat mknod mknodat rmdir unlink unlinkat rename renameat renameat2 link linkat symlink symlinkat "
    "truncate truncate64 chmod fchmod fchmodat fchmodat2 chown fchown lchown fchownat utime utimes futimesat utimensat "
    "utimensat_time64 setxattr lsetxattr fsetxattr removexattr lremovexattr fremovexattr",
}
_DENIED_WITHOUT_DEVICES = "socketpair bind sendmsg recvmsg recvmmsg"
"""libusb learns of devices through a netlink socket."""
_UNFILTERABLE_CALLS = ("clone3", "openat2")
"""No filter can read their arguments, which are in memory. The C library falls back to the older calls where they are unknown."""


@dataclass(frozen=True, slots=True)
class _ArgumentCondition:
    """A condition on one argument of a call.

    Attributes:
        argument: index of the argument.
        operation: libseccomp's comparison.
        datum_a: the value, or the mask of a masked comparison.
        datum_b: the value of a masked comparison.
    """

    argument: int
    operation: int
    datum_a: int
    datum_b: int = 0


class _Comparison(ctypes.Structure):
    _fields_ = (
        ("argument", ctypes.c_uint),
        ("operation", ctypes.c_int),
        ("first", ctypes.c_uint64),
        ("second", ctypes.c_uint64),
    )


def deny_system_calls(*, allow_devices: bool) -> bool:
    """Deny all threads of this process the network, other processes, and every change to files.

    Args:
        allow_devices: True if devices can be opened for writing, and the kernel's news of them be received.

    Returns:
        False if libseccomp is not installed, or this kernel cannot filter, in which case nothing was done.
    """
    try:
        library = ctypes.CDLL(_LIBRARY)
    except OSError:
        return False
    library.seccomp_init.restype = ctypes.c_void_p
    context = ctypes.c_void_p(library.seccomp_init(ctypes.c_uint32(_ACT_ALLOW)))
    try:
        library.seccomp_attr_set(
            context, _ATTR_OPTIMIZE, 2
        )  # unknown before libseccomp 2.5: only slower
        library.seccomp_attr_set(context, _ATTR_TSYNC, 1)
        for name, conditions in _rules(allow_devices=allow_devices):
            _add_deny_rule(library, context, name, conditions)
        return bool(library.seccomp_load(context) == 0)
    finally:
        library.seccomp_release(context)


def _rules(*, allow_devices: bool) -> list[tuple[str, _ArgumentCondition | None]]:
    ours = os.getpid()
    denied = [*_DENIED_CALLS.values(), "" if allow_devices else _DENIED_WITHOUT_DEVICES]
    return [
        *((name, None) for name in _UNFILTERABLE_CALLS),
        *((name, None) for names in denied for name in names.split()),
        ("socket", _ArgumentCondition(0, _NOT_EQUAL, _AF_NETLINK) if allow_devices else None),
        # A response to the parent is sent without an address.
        ("sendto", _ArgumentCondition(4, _NOT_EQUAL, 0)),
        ("clone", _ArgumentCondition(0, _MASKED_EQUAL, _CLONE_THREAD, 0)),
        ("kill", _ArgumentCondition(0, _NOT_EQUAL, ours)),
        ("tgkill", _ArgumentCondition(0, _NOT_EQUAL, ours)),
        ("prlimit64", _ArgumentCondition(0, _NOT_EQUAL, 0)),
        ("prlimit64", _ArgumentCondition(2, _NOT_EQUAL, 0)),
        ("prctl", _ArgumentCondition(0, _EQUAL, _PR_SET_PDEATHSIG)),
        ("ioctl", _ArgumentCondition(1, _EQUAL, _TIOCSTI)),
        *(
            (name, _ArgumentCondition(at, _MASKED_EQUAL, mask, value))
            for name, at in (("open", 1), ("openat", 2))
            for mask, value in _write_flags(allow_devices=allow_devices)
        ),
    ]


def _write_flags(*, allow_devices: bool) -> list[tuple[int, int]]:
    """Return masks and values of the flags that open a file for changing it."""
    creating = [(os.O_CREAT, os.O_CREAT), (os.O_TRUNC, os.O_TRUNC)]
    modes = [] if allow_devices else [os.O_WRONLY, os.O_RDWR, os.O_ACCMODE]
    return [*creating, *((os.O_ACCMODE, mode) for mode in modes)]


def _add_deny_rule(
    library: ctypes.CDLL, context: ctypes.c_void_p, name: str, condition: _ArgumentCondition | None
) -> None:
    number = library.seccomp_syscall_resolve_name(name.encode())
    if number == _UNKNOWN_CALL:  # to this libseccomp
        return
    code = errno.ENOSYS if name in _UNFILTERABLE_CALLS else errno.EPERM
    comparisons = [] if condition is None else [condition]
    array = (_Comparison * len(comparisons))(
        *(_Comparison(one.argument, one.operation, one.datum_a, one.datum_b) for one in comparisons)
    )
    library.seccomp_rule_add_array(
        context, ctypes.c_uint32(_ACT_ERRNO | code), number, len(comparisons), array
    )
