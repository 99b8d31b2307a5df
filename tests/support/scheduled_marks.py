"""The marks that a schedule shows within a time."""

from itertools import count, takewhile

from edged.marks.schedule import Schedule, ScheduledMark


def marks_entering_before(schedule: Schedule, end_s: float) -> list[ScheduledMark]:
    """Return all marks that enter before `end_s` of scene time, in order of entry."""
    return list(takewhile(lambda mark: mark.entry_s < end_s, map(schedule.get_mark, count())))
