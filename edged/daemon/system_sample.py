"""What the trial of a model needs to know of this system, taken once a tick."""

from edged.daemon.vision_service import Lookout
from edged.host.board import Board
from edged.updates.service.trial_monitor import Frames, Surroundings


def survey(lookout: Lookout, board: Board) -> Surroundings:
    """As of now."""
    flags = board.throttling()
    pids = lookout.pids().values()
    sizes_mb = [mb for mb in (board.rss_mb(pid) for pid in pids) if mb is not None]
    return Surroundings(
        throttled=flags is not None and flags.throttled,
        workers=max(len(pids), 1),
        cameras={
            name: Frames(captured=watch.frames[0], inferred=watch.frames[1], failed=watch.failed)
            for name, watch in lookout.watches.items()
        },
        memory_mb=max(sizes_mb, default=None),
    )
