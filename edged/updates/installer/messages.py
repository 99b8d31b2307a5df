"""The messages between the daemon and the installer process: JSON, one message per packet."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Annotated

from msgspec import Meta, Struct, field

from edged.clock import NS_PER_S, Clock
from edged.config.settings import ModelSettings, UpdateSettings
from edged.ipc.packets import PacketCodec

_PROGRESS_INTERVAL_S = 0.1
MAX_PACKET_BYTES = 131_072
"""Enough for a job with the largest desired state."""


class InstallJob(Struct, frozen=True, kw_only=True, tag="job"):
    """Daemon to installer, once, at its start.

    Attributes:
        store_root: folder of the model store.
        model: how this device runs models.
        updates: the trust file, and the disk space that stays free.
        is_device_free: no other process uses the delegate's device.
        desired_envelope: a message of the update channel, not verified; b"" to continue the deployment in flight.
    """

    store_root: Path
    model: ModelSettings
    updates: UpdateSettings = field(default_factory=UpdateSettings)
    is_device_free: bool = False
    desired_envelope: Annotated[bytes, Meta(max_length=65_536)] = b""


class InstallProgress(Struct, frozen=True, kw_only=True, tag="progress"):
    """Installer to daemon: the progress of the present step.

    Attributes:
        state: the state to which the step leads; "fetching" for the download.
        done_bytes: bytes that are done.
        total_bytes: bytes of the whole step; 0 if unknown.
    """

    state: str
    done_bytes: int = 0
    total_bytes: int = 0

    @property
    def fraction(self) -> float:
        """The progress of the step, 0..1; 0 if unknown."""
        return min(self.done_bytes / self.total_bytes, 1.0) if self.total_bytes else 0.0


class InstallFinished(Struct, frozen=True, kw_only=True, tag="finished"):
    """Installer to daemon, its last message: the results are in the ledger, and `error` is what is not recorded there; "" if all is."""

    error: Annotated[str, Meta(max_length=4096)] = ""


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


TO_INSTALLER: PacketCodec[InstallJob] = PacketCodec(InstallJob, max_bytes=MAX_PACKET_BYTES)
FROM_INSTALLER: PacketCodec[InstallProgress | InstallFinished] = PacketCodec(
    InstallProgress | InstallFinished, max_bytes=MAX_PACKET_BYTES
)
