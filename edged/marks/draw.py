"""The table of marks: which there are, and who draws each."""

from collections.abc import Callable

import numpy as np

from edged.marks import codes, signs
from edged.marks.mark import Mark

_DRAW_BY_LABEL: dict[str, Callable[[np.random.Generator], Mark]] = {
    "qr_code": codes.qr_code,
    "barcode": codes.barcode,
    "fiducial_tag": codes.fiducial_tag,
    "warning_sign": signs.warning,
    "prohibition_sign": signs.prohibition,
    "mandatory_sign": signs.mandatory,
    "safe_condition_sign": signs.safe_condition,
    "fire_sign": signs.fire,
}

MARK_LABELS: tuple[str, ...] = tuple(_DRAW_BY_LABEL)
"""The labels, in the order of the bundled model's classes."""


def draw_mark(label: str, rng: np.random.Generator) -> Mark:
    """Draw one mark of a kind; content, colours and proportions vary with `rng`, the longer side is 120 to 400 px.

    Args:
        label: one of `MARKS`.
        rng: all that the drawing depends on.

    Raises:
        KeyError: no such mark.
    """
    return _DRAW_BY_LABEL[label](rng)
