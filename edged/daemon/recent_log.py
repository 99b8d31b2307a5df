"""The log of the last hour, kept in memory for the page."""

import logging
from collections import deque
from collections.abc import Callable

import msgspec

from edged.clock import NS_PER_S, Clock
from edged.logs import CleanedLog
from edged.messaging.contract.header import rfc3339

MAX_LINES = 300
_MAX_CHARS = 2000
_MAX_AGE_NS = 3600 * NS_PER_S


class LogLine(msgspec.Struct, frozen=True, kw_only=True):
    """A line of the log, as the page gets it.

    Attributes:
        time: RFC 3339, UTC.
        level: debug, info, warning, error or critical.
        text: the message, without secrets.
    """

    time: str
    level: str
    text: str


class RecentLog(logging.Handler):
    """Keeps the newest lines that this process logs. Every thread may log."""

    def __init__(self, clock: Clock) -> None:
        """Keep nothing yet: `install` does.

        Args:
            clock: the clock of times and ages.
        """
        super().__init__()
        self._clock = clock
        self._lines: deque[tuple[int, bytes]] = deque(maxlen=MAX_LINES)
        """Monotonic time and JSON of each line."""
        self.on_line: Callable[[bytes], object] = lambda _: None
        """Called with each new line, in the thread that logs it."""

    def install(self) -> None:
        """Keep what is logged from now on."""
        logging.getLogger().addHandler(CleanedLog(self))

    def emit(self, record: logging.LogRecord) -> None:
        """Keep a record, which has no secrets any more."""
        line = LogLine(
            time=rfc3339(self._clock.wall_ns()),
            level=record.levelname.lower(),
            text=record.getMessage()[:_MAX_CHARS],
        )
        encoded = msgspec.json.encode(line)
        self._lines.append((self._clock.monotonic_ns(), encoded))
        self.on_line(encoded)

    @property
    def lines(self) -> list[bytes]:
        """The lines of the last hour, oldest first, as JSON."""
        oldest_ns = self._clock.monotonic_ns() - _MAX_AGE_NS
        return [line for time_ns, line in tuple(self._lines) if time_ns >= oldest_ns]
