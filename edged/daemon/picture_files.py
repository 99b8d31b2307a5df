"""The pictures of objects on disk, without a wait for it."""

from collections.abc import Callable, Collection
from functools import partial
from typing import TypeVar

from edged.clock import NS_PER_S, Clock
from edged.config.settings import Settings
from edged.daemon.picture_limits import PictureLimits, limit_objects
from edged.disk_thread import DiskQueue
from edged.errors import StoreError
from edged.event_loop import EventLoop
from edged.health import ConditionKind, ConditionReporter
from edged.pictures.ring import PictureRing, StoredPicture

MAX_WAITING = 8
"""Jobs; a picture beyond them is not stored, because the disk does not keep up."""
_TRIM_INTERVAL_S = 600.0
_NS_PER_MS = NS_PER_S // 1000

T = TypeVar("T")


class PictureFiles:
    """Hands the work on the folder to the disk's thread, and reports what fails as a condition."""

    def __init__(
        self,
        ring: PictureRing,
        *,
        disk: DiskQueue,
        loop: EventLoop,
        conditions: ConditionReporter,
        clock: Clock,
        limit: Callable[[Settings], PictureLimits] = limit_objects,
        kind: ConditionKind = ConditionKind.PICTURES,
    ) -> None:
        """Do nothing yet.

        Args:
            ring: the folder; only jobs of `disk` use it.
            disk: does the work.
            loop: the supervisor's loop.
            conditions: the active conditions.
            clock: the clock of the pictures' age.
            limit: what the folder may hold, by the configuration.
            kind: what is reported when a picture cannot be stored.
        """
        self._ring = ring
        self._disk = disk
        self._loop = loop
        self._conditions = conditions
        self._clock = clock
        self._limit = limit
        self._kind = kind
        self._limits = limit(Settings())
        self.kept_count = 0
        """Pictures on disk; 0 until the folder was read."""
        self.failed_count = 0
        """Pictures since the daemon's start that were not stored, because the disk failed or did not keep up."""
        self._waiting_count = 0
        self._is_trim_scheduled = False
        self._failure: str | None = None

    def apply_settings(self, settings: Settings) -> None:
        """Keep pictures by these settings from now on, and remove those that they do not allow."""
        self._limits = self._limit(settings)
        self._trim()

    def store(
        self,
        picture: StoredPicture,
        jpeg: bytes,
        on_stored: Callable[[StoreError | None], object] | None = None,
    ) -> None:
        """Store a picture in place of an earlier one of the same object.

        Args:
            picture: the picture.
            jpeg: its JPEG.
            on_stored: gets the error, or None when the picture is on disk, from a callback of the loop.
        """
        error = _find_excess(self._limits, picture)
        if error is None:
            add = partial(
                self._ring.add,
                max_bytes=self._limits.max_bytes,
                oldest_ms=self._find_oldest_ms(),
                max_count=self._limits.max_count,
            )
            self._submit(partial(add, picture, jpeg), partial(self._on_added, on_stored))
        elif on_stored is not None:
            on_stored(error)

    def list_newest(
        self,
        cameras: Collection[str],
        limit: int,
        on_list: Callable[[tuple[StoredPicture, ...]], object],
    ) -> None:
        """Report the newest pictures of some cameras, the newest first; none if the folder cannot be read.

        Args:
            cameras: names of the cameras.
            limit: largest number of pictures.
            on_list: takes them, from a callback of the loop.
        """
        self._submit(
            partial(self._ring.list_newest, cameras, limit), lambda found: on_list(_or(found, ()))
        )

    def read(
        self, event_id: str, cameras: Collection[str], on_jpeg: Callable[[bytes | None], object]
    ) -> None:
        """Report the JPEG of an object's picture; None if there is none of these cameras, or it cannot be read.

        Args:
            event_id: id of the object, as in its events.
            cameras: names of the cameras.
            on_jpeg: takes it, from a callback of the loop.
        """
        self._submit(
            partial(self._ring.read, event_id, cameras), lambda found: on_jpeg(_or(found, None))
        )

    def _schedule_trim(self) -> None:
        if self.kept_count and not self._is_trim_scheduled:
            self._is_trim_scheduled = True
            self._loop.call_later(_TRIM_INTERVAL_S, self._on_trim_due)

    def _on_trim_due(self) -> None:
        self._is_trim_scheduled = False
        self._trim()

    def _trim(self) -> None:
        trim = partial(
            self._ring.trim,
            max_bytes=self._limits.max_bytes,
            oldest_ms=self._find_oldest_ms(),
            max_count=self._limits.max_count,
            without_cameras=self._limits.without_cameras,
        )
        self._submit(trim, self._set_condition)

    def _find_oldest_ms(self) -> int:
        return self._clock.wall_ns() // _NS_PER_MS - self._limits.max_age_ms

    def _submit(self, job: Callable[[], T], on_done: Callable[[T | StoreError], object]) -> None:
        """Let the disk's thread do a job; its errors are a result."""
        if self._waiting_count >= MAX_WAITING:
            on_done(StoreError("the disk does not keep up; pictures are not stored"))
            return
        self._waiting_count += 1

        def report(result: T | StoreError) -> None:
            self._waiting_count -= 1
            on_done(result)

        self._disk.submit(partial(_try, job), report)

    def _on_added(
        self, on_stored: Callable[[StoreError | None], object] | None, result: int | StoreError
    ) -> None:
        self._set_condition(result)
        error = result if isinstance(result, StoreError) else None
        self.failed_count += error is not None
        if on_stored is not None:
            on_stored(error)

    def _set_condition(self, result: int | StoreError) -> None:
        if isinstance(result, int):
            self.kept_count = result
            self._schedule_trim()
        failure = _find_cause(result) if isinstance(result, StoreError) else None
        if failure is not None and failure == self._failure:
            return  # each picture has another file name, and would be another reason
        self._failure = failure
        reason = None if failure is None else f"pictures are not stored: {result}"
        self._conditions.set(self._kind, reason)


def _find_excess(limits: PictureLimits, picture: StoredPicture) -> StoreError | None:
    """Return why a picture does not fit; None if it does."""
    if limits.max_age_ms > 0 and picture.size_bytes <= limits.max_bytes:
        return None
    return StoreError(
        f"a picture of {picture.size_bytes} bytes is more than may be kept: set a larger keep_mb or keep_h"
    )


def _try(job: Callable[[], T]) -> T | StoreError:
    try:
        return job()
    except StoreError as error:
        return error


def _find_cause(error: StoreError) -> str:
    """Return what went wrong, without the name of the file where it did."""
    cause = error.__cause__
    return str(error) if not isinstance(cause, OSError) else str(cause.errno)


def _or(result: T | StoreError, default: T) -> T:
    return default if isinstance(result, StoreError) else result
