"""The settings that a reload cannot change. Pure: no I/O."""

from edged.config.settings import Settings


def keys_needing_restart(current: Settings, wanted: Settings) -> tuple[str, ...]:
    """Return the keys and tables that keep their old values until a restart, although the new configuration differs.

    A device's name and its state directory belong together and are part of every message of a session; publisher and spool are
    connected at the start. A reload applies all other settings.
    """
    changed = [
        f"device.{key}"
        for key in current.device.__struct_fields__
        if getattr(current.device, key) != getattr(wanted.device, key)
    ]
    if current.publisher != wanted.publisher:
        changed.append(wanted.publisher[0] if wanted.publisher else "publisher")
    if current.spool != wanted.spool:
        changed.append("spool")
    return tuple(changed)
