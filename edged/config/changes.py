"""What a reload cannot change. A rule; no I/O."""

from edged.config.settings import Settings


def needs_restart(started: Settings, wanted: Settings) -> tuple[str, ...]:
    """The keys and tables that stay as they were when the daemon started, though they are wanted otherwise now.

    A device's name and its state belong together and stand in every message of a session; the publisher and the spool are handed
    to each other at the start. Everything else a reload takes up.
    """
    found = [
        f"device.{key}"
        for key in started.device.__struct_fields__
        if getattr(started.device, key) != getattr(wanted.device, key)
    ]
    if started.publisher != wanted.publisher:
        found.append(wanted.publisher[0] if wanted.publisher else "publisher")
    if started.spool != wanted.spool:
        found.append("spool")
    return tuple(found)
