"""The state of this system, as the trial of a model needs it, taken once a tick."""

from edged.daemon.vision_service import VisionService
from edged.host.board import Board
from edged.host.scheduling import read_main_wait_s
from edged.updates.service.system_sample import FrameCounts, SystemSample


def take_system_sample(
    vision_service: VisionService, board: Board, obstacle: str | None
) -> SystemSample:
    """Return the state of cameras, workers and board now.

    Args:
        vision_service: has the cameras and workers.
        board: the host's hardware.
        obstacle: what keeps this device from working as usual, whatever the model is; None if nothing does.
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
        obstacle=obstacle,
    )
