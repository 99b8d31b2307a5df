"""The progress that an installer reports."""

from collections.abc import Callable, Iterator

from edged.clock import NS_PER_S, Clock
from edged.updates.installer.messages import InstallProgress

_PROGRESS_INTERVAL_S = 0.1


class ProgressRateLimiter:
    """Passes on each new state and each end, and everything else ten times per second at most."""

    def __init__(self, on_progress: Callable[[InstallProgress], None], clock: Clock) -> None:
        self._on_progress = on_progress
        self._clock = clock
        self._last: InstallProgress | None = None
        self._due_ns = 0

    def __call__(self, progress: InstallProgress) -> None:
        """Pass on a progress, or drop it."""
        now_ns = self._clock.monotonic_ns()
        is_new = self._last is None or progress.state != self._last.state
        is_complete = progress.total_bytes > 0 and progress.done_bytes == progress.total_bytes
        if (is_new or is_complete or now_ns >= self._due_ns) and progress != self._last:
            self._last = progress
            self._due_ns = now_ns + int(_PROGRESS_INTERVAL_S * NS_PER_S)
            self._on_progress(progress)


class UnpackProgress:
    """Counts the bytes that are unpacked from a bundle."""

    def __init__(self, total_bytes: int, on_progress: Callable[[InstallProgress], None]) -> None:
        self._total_bytes = total_bytes
        self._done_bytes = 0
        self._on_progress = on_progress

    def count_pieces(self, pieces: Iterator[bytes]) -> Iterator[bytes]:
        """Pass on pieces, and report the progress after each."""
        for piece in pieces:
            yield piece
            self._done_bytes += len(piece)
            self._on_progress(
                InstallProgress(
                    state="verified", done_bytes=self._done_bytes, total_bytes=self._total_bytes
                )
            )
