"""The kinds of marks, and the function that draws each."""

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
"""All labels, in the order of the bundled model's classes."""


def draw_mark(label: str, rng: np.random.Generator) -> Mark:
    """Draw one mark; content, colours and proportions vary with `rng`, and the longer side is 120 to 400 px.

    Args:
        label: one of `MARK_LABELS`.
        rng: source of all variation.

    Raises:
        KeyError: there is no such mark.
    """
    return _DRAW_BY_LABEL[label](rng)
