"""Printed things that look the same in life as in a drawing, and a scene in which they come and go.

The bundled model is trained on them, the synthetic camera shows them, and tests know where they are. Drawn with numpy and
OpenCV alone, deterministically from a numpy Generator.
"""

from edged.marks.draw import MARK_LABELS, draw_mark
from edged.marks.mark import Mark

__all__ = ["MARK_LABELS", "Mark", "draw_mark"]
