"""The sequence numbers of one device, as a subscriber sees them: duplicates, and numbers that did not arrive."""

from collections.abc import Iterable
from dataclasses import dataclass

from edged.client.ranges import Range, subtract_ranges

_MAX_SESSIONS = 32
_MAX_RANGES = 256


@dataclass(frozen=True, slots=True)
class SequenceStep:
    """The meaning of one number.

    Attributes:
        is_duplicate: the message has arrived before.
        missing: numbers before it that have not arrived, and that no gap record has named.
        restarted_after: the highest number before, if this one is lower although its session is new; None otherwise.
    """

    is_duplicate: bool = False
    missing: tuple[Range, ...] = ()
    restarted_after: int | None = None


class ReceivedNumbers:
    """The numbers of one device.

    Attributes:
        highest: the number of the newest message; None before the first.
        missing: numbers that have not arrived, and that no gap record has named; the newest 256 ranges.
        duplicate_count: messages that arrived again.
    """

    def __init__(self) -> None:
        self.highest: int | None = None
        self.missing: tuple[Range, ...] = ()
        self.duplicate_count = 0
        self._highest_by_session: dict[str, int] = {}
        self._announced: tuple[Range, ...] = ()

    def take(self, session: str, seq: int, announced: Iterable[Range] = ()) -> SequenceStep:
        """Take the number of a message.

        Args:
            session: the session of the message.
            seq: its number.
            announced: the ranges of lost numbers that it names, if it is a gap record.
        """
        if seq <= self._highest_by_session.get(session, 0):
            self.duplicate_count += 1
            return SequenceStep(is_duplicate=True)
        self._remember(session, seq)
        self._announce(tuple(announced))
        before = self.highest
        self.highest = seq
        if before is None:
            return SequenceStep()
        if seq <= before:
            self.missing = self._announced = ()
            return SequenceStep(restarted_after=before)
        missing = subtract_ranges(
            [(before + 1, seq - 1)] if seq > before + 1 else [], self._announced
        )
        self.missing = (*self.missing, *missing)[-_MAX_RANGES:]
        return SequenceStep(missing=missing)

    def _remember(self, session: str, seq: int) -> None:
        """Remember the highest number of a session; a message keeps the session in which it was made, so old ones come again."""
        self._highest_by_session.pop(session, None)
        self._highest_by_session[session] = seq
        if len(self._highest_by_session) > _MAX_SESSIONS:
            del self._highest_by_session[next(iter(self._highest_by_session))]

    def _announce(self, ranges: tuple[Range, ...]) -> None:
        self.missing = subtract_ranges(self.missing, ranges)
        self._announced = (*self._announced, *ranges)[-_MAX_RANGES:]
