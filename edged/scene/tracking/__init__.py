"""Tracking: which detection of this frame is which object of the last one.

`kalman` predicts where each box will be, `association` pairs boxes with objects, `history` keeps the state of an object, and
`tracker` combines them. Which trackers were compared, and why no tracker library is used: docs/adr/0005-tracker.md.
"""

from edged.scene.tracking.track import Track, TrackUpdate
from edged.scene.tracking.tracker import Tracker

__all__ = ["Track", "TrackUpdate", "Tracker"]
