"""The state of this system, as the trial of a model needs it, taken once a tick."""

from pathlib import Path

from edged.daemon.vision_service import VisionService
from edged.host.board import Board
from edged.host.scheduling import read_main_wait_s
from edged.updates.service.system_sample import FrameCounts, SystemSample

_MIN_FREE_MB = 1.0
"""With less space than this nothing can be written."""


def take_system_sample(
    vision_service: VisionService, board: Board, state_dir: Path
) -> SystemSample:
    """Return the state of cameras, workers, board and disk now.

    Args:
        vision_service: has the cameras and workers.
        board: the host's hardware.
        state_dir: where the daemon keeps its files.
    """
    flags = board.read_throttling()
    pids = vision_service.worker_pids.values()
    sizes_mb = [mb for mb in (board.read_rss_mb(pid) for pid in pids) if mb is not None]
    return SystemSample(
        throttled=flags is not None and flags.throttled,
        worker_count=max(len(pids), 1),
        cameras={
            name: FrameCounts(
                captured=monitor.frame_counts[0] - monitor.left_out_count,
                inferred=monitor.frame_counts[1],
                failed=monitor.failed_count,
                is_online=monitor.report is None or monitor.report.state != "lost",
            )
            for name, monitor in vision_service.cameras.items()
        },
        largest_worker_mb=max(sizes_mb, default=None),
        waited_s=sum(map(read_main_wait_s, pids)),
        obstacle=find_obstacle(board, state_dir),
    )


def find_obstacle(board: Board, state_dir: Path) -> str | None:
    """Return what keeps this device from working as usual, whatever the model is; None if nothing does."""
    disk = board.read_disk_mb(state_dir)
    if disk is not None and disk[1] < _MIN_FREE_MB:
        return f"the disk that holds {state_dir} is full"
    return None
