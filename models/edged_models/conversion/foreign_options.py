"""Options of models of other frameworks."""

from dataclasses import dataclass
from enum import StrEnum


class InputLayout(StrEnum):
    """Order of the axes of pictures in the .tflite."""

    CHANNELS_LAST = "channels-last"
    """(1, height, width, channels), as the daemon's families have it."""
    AS_IS = "as-is"
    """The original's, for PyTorch (1, channels, height, width)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ForeignOptions:
    """How a model of another framework is converted.

    Attributes:
        input_shape: shape of the input in the original; () for its own.
        layout: order of the axes of pictures in the .tflite.
        set_up: whether to make the framework's environment if it is missing.
    """

    input_shape: tuple[int, ...] = ()
    layout: InputLayout = InputLayout.CHANNELS_LAST
    set_up: bool = False

    def shape_for(self, side_px: int | None) -> tuple[int, ...]:
        """Return the input's shape, () for the original's own.

        Args:
            side_px: side of a square picture with three channels, if `input_shape` is ().
        """
        return self.input_shape or ((1, 3, side_px, side_px) if side_px else ())
