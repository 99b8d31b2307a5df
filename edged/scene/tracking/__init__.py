"""Objects over frames: which detection of this frame is which object of the last.

`kalman` foretells where each box will be, `association` pairs boxes with objects, `history` remembers what is told of an object, and
`tracker` puts them in order. What was compared, and why none of the tracker libraries was taken: docs/adr/0005-tracker.md.
"""

from edged.scene.tracking.track import Track, TrackUpdate
from edged.scene.tracking.tracker import Tracker

__all__ = ["Track", "TrackUpdate", "Tracker"]
