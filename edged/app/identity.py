"""Who this daemon is, this time."""

import secrets
from pathlib import Path

from edged.contract.header import Identity

_BOOT_ID = Path("/proc/sys/kernel/random/boot_id")


def identify(device: str) -> Identity:
    """The device's name, the kernel's id of this boot, and a new session id (both shortened to 8 hexadecimal digits)."""
    try:
        boot = _BOOT_ID.read_text("ascii")[:8]
    except OSError:
        boot = "unknown"
    return Identity(device=device, boot=boot, session=secrets.token_hex(4))
