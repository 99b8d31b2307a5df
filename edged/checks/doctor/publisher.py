"""Check of the publisher: a connection to the broker, or the daemon's report on it."""

from collections.abc import Iterator
from pathlib import Path

from msgspec import Struct

from edged.checks.doctor.finding import Finding, fail, ok, warn
from edged.checks.smoke import connect_once
from edged.clock import Clock
from edged.messaging.contract.device import DeviceHealth

_MAX_OLDEST_AGE_S = 30.0
_SECRET_KEYS = frozenset({"password_file", "key"})
_ADVICE = (
    "check that the broker runs and is reachable, and that name, password and certificate are right"
)


def check_publisher(name: str, settings: Struct, clock: Clock) -> Iterator[Finding]:
    """Connect without publishing anything, while no daemon is connected.

    Args:
        name: name of the publisher.
        settings: its settings.
        clock: the clock of the time limit.
    """
    secret = next(_unreadable_secrets(settings), None)
    if secret is not None:
        message = f"{secret} cannot be read here, so no connection was attempted"
        yield warn(
            name, message, "if it is a credential of the service, start edged and check again"
        )
        return
    error = connect_once(name, settings, clock)
    yield ok(name, "connected") if error is None else fail(name, error, _ADVICE)


def assess_publisher_health(name: str, health: DeviceHealth) -> Finding:
    """Assess the daemon's report on the connection and on the messages that are queued.

    The daemon is not bypassed: a second client with the same ID would take over its connection.
    """
    link, spool = health.link, health.spool
    if not link.connects:
        return fail(name, link.last_error or "not connected yet", _ADVICE)
    message = f"{spool.depth} messages queued"
    if spool.depth and (spool.oldest_age_s or 0) > _MAX_OLDEST_AGE_S:
        message += f", the oldest for {spool.oldest_age_s:.0f} s"
        message += f"; last error: {link.last_error or 'none'}"
        return warn(name, message, _ADVICE)
    return ok(name, f"connected {link.connects} times, {message}")


def _unreadable_secrets(table: Struct) -> Iterator[Path]:
    for key in table.__struct_encode_fields__:
        value = getattr(table, key)
        if isinstance(value, Struct):
            yield from _unreadable_secrets(value)
        elif isinstance(value, Path) and key in _SECRET_KEYS and not _is_readable(value):
            yield value


def _is_readable(path: Path) -> bool:
    try:
        with path.open("rb"):
            return True
    except OSError:
        return False
