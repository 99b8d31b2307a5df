"""What a reload cannot change. A rule; no I/O."""

from edged.config.settings import Settings


def keys_needing_restart(current: Settings, wanted: Settings) -> tuple[str, ...]:
    """The keys and tables that stay as they were when the daemon started, though they are wanted otherwise now.

    A device's name and its state belong together and stand in every message of a session; the publisher and the spool are handed
    to each other at the start. Everything else a reload takes up.
    """
    found = [
        f"device.{key}"
        for key in current.device.__struct_fields__
        if getattr(current.device, key) != getattr(wanted.device, key)
    ]
    if current.publisher != wanted.publisher:
        found.append(wanted.publisher[0] if wanted.publisher else "publisher")
    if current.spool != wanted.spool:
        found.append("spool")
    return tuple(found)
