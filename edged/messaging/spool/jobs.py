"""Which job the disk gets next, and what its result changes."""

from collections.abc import Callable
from functools import partial
from typing import TypeVar

from edged.disk_thread import DiskQueue
from edged.messaging.spool.files import OpenedFiles, RecordState, SpoolFiles
from edged.messaging.spool.messages import SpoolRules, WaitingMessages
from edged.messaging.spool.unnumbered import UnnumberedMessages

T = TypeVar("T")


class SpoolJobs:
    """Gives the disk one job at a time: whatever happens meanwhile is part of the next, and no result is outdated."""

    def __init__(self, files: SpoolFiles, disk: DiskQueue, rules: SpoolRules) -> None:
        """Submit nothing yet.

        Args:
            files: what the jobs work on.
            disk: does the jobs, no others.
            rules: the limits and the clock.
        """
        self.on_change: Callable[[], object] = _do_nothing
        """Called when the disk has answered later than at once."""
        self.messages: WaitingMessages | None = None
        """The state in memory; None until the disk has answered what the earlier runs left."""
        self.unnumbered = UnnumberedMessages()
        """What was appended before that."""
        self.is_busy = False
        """Whether the disk has a job."""
        self._files = files
        self._disk = disk
        self._rules = rules
        self._record: RecordState | None = None
        self._is_advancing = self._is_retry_due = self._is_closing = self._is_closed = False

    @property
    def silent_s(self) -> float:
        """Seconds since the disk was given the job that it has; 0.0 if it has none."""
        return self._disk.silent_s

    def open(self) -> None:
        """Let the files be opened.

        Raises:
            SpoolError: another daemon uses the folder.
        """
        self._submit(self._files.claim, self._end_claim)
        self.advance()

    def await_claim(self, timeout_s: float) -> None:
        """Wait until the folder is locked, `timeout_s` seconds at most.

        Raises:
            SpoolError: another daemon uses the folder.
        """
        if self._record is None:
            self._disk.report_next(timeout_s)

    def request_retry(self) -> None:
        """Let the files that fail be tried again as soon as the disk is free."""
        self._is_retry_due = True

    def advance(self) -> bool:
        """Give the disk what is to be done, until it needs time; return whether there was anything."""
        was_idle, self._is_advancing = True, True
        try:
            while not (self.is_busy or self._is_closed) and self._begin_job():
                was_idle = False
        finally:
            self._is_advancing = False
        return not was_idle

    def close(self, timeout_s: float) -> None:
        """Let everything be made durable and the files be closed, and wait for it, `timeout_s` seconds at most."""
        self._is_closing = True
        if self.messages is not None:
            self.messages.request_commit()
        self.advance()
        self._disk.finish(timeout_s)
        if not self._is_closed:
            self._end_closing(is_recorded=False)

    def _begin_job(self) -> bool:
        """Submit the most urgent job; return False if there is none."""
        messages = self.messages
        if messages is None:
            if self._record is None:
                return False
            self._submit(partial(self._files.open, self._record), self._end_opening)
            return True
        if self._is_retry_due and not self._is_closing:
            self._is_retry_due = False
            self._submit(self._files.retry, messages.end_retry)
        elif messages.is_commit_due:
            self._submit(partial(self._files.commit, messages.begin_commit()), messages.end_commit)
        elif self._is_closing and messages.numbers.may_allocate:
            last = messages.numbers.make_last_record()
            self._submit(partial(self._files.close, last), self._end_closing)
        elif messages.numbers.is_reservation_due:
            record = messages.numbers.begin_reservation()
            self._submit(partial(self._files.write_record, record), messages.end_reservation)
        elif page := messages.backlog.select_page():
            self._submit(partial(self._files.read_page, page), partial(messages.end_page, page))
        else:
            return False
        return True

    def _submit(self, job: Callable[[], T], on_done: Callable[[T], object]) -> None:
        self.is_busy = True
        self._disk.submit(job, partial(self._end_job, on_done))

    def _end_job(self, on_done: Callable[[T], object], result: T) -> None:
        if self._is_closed:
            return
        self.is_busy = False
        on_done(result)
        if self.unnumbered and self.messages is not None and self.messages.numbers.may_allocate:
            self.messages.append_unnumbered(self.unnumbered)
        if not self._is_advancing:
            self.advance()
            self.on_change()

    def _end_claim(self, record: RecordState) -> None:
        self._record = record

    def _end_opening(self, opened: OpenedFiles) -> None:
        self.messages = WaitingMessages(opened, self._rules)

    def _end_closing(self, is_recorded: bool) -> None:  # noqa: FBT001 (the result of a job)
        self._is_closed = True
        if self.messages is not None:
            self.messages.note_progress()
            self.messages.numbers.close(is_recorded=is_recorded)


def _do_nothing() -> None:
    pass
