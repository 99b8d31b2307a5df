"""Printed marks that look the same in print and in a drawing, and a synthetic scene with such marks.

The bundled model is trained on them, the synthetic camera shows them, and tests know their positions. They are drawn with numpy and
OpenCV alone, deterministically from a numpy Generator.
"""

from edged.marks.draw import MARK_LABELS, draw_mark
from edged.marks.mark import Mark

__all__ = ["MARK_LABELS", "Mark", "draw_mark"]
