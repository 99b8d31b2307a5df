"""A frame, and the tensor that it becomes."""

from dataclasses import dataclass
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray

from edged.types.colour import LIMITED_BT601, ColourSpace


class PixelFormat(StrEnum):
    """The layout of `Frame.pixels`; the names are FFmpeg's."""

    BGR24 = "bgr24"
    """(H, W, 3) uint8: OpenCV's order."""
    RGB24 = "rgb24"
    """(H, W, 3) uint8."""
    GRAY8 = "gray8"
    """(H, W) uint8."""
    YUV420P = "yuv420p"
    """(H*3/2, stride) uint8, "I420": the Y plane, then U, then V; `Frame.colour` says what they mean."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Frame:
    """One image and its capture time.

    Attributes:
        camera: the camera's name in the configuration.
        seq: number of the frame since the camera was first opened, from 0; it goes on counting after a reconnection.
        captured_ns: capture time on the camera's monotonic time line. Live sources: the sensor's time stamp, otherwise the time of
            arrival. A replay at full speed: the clip's own time, counted from its opening, so that durations are the
            scene's. Tracks and events use this time line.
        received_ns: when the driver delivered the frame, monotonic. Latency is measured from here.
        pixels: uint8, laid out as `format` says; rows may be padded (stride >= stored width).
        format: the layout of `pixels`.
        width: width of the picture in pixels, without padding.
        height: height of the picture in pixels.
        colour: what the planes of YUV420P mean; of no meaning for the other formats.
        reduction: `pixels` show the whole picture, smaller by this factor both ways; it divides `width` and `height`.
    """

    camera: str
    seq: int
    captured_ns: int
    received_ns: int
    pixels: NDArray[np.uint8]
    format: PixelFormat
    width: int
    height: int
    colour: ColourSpace = LIMITED_BT601
    reduction: int = 1

    @property
    def stored_width(self) -> int:
        """Width of what `pixels` hold, pixels, without padding."""
        return self.width // self.reduction

    @property
    def stored_height(self) -> int:
        """Height of what `pixels` hold, pixels."""
        return self.height // self.reduction

    @classmethod
    def from_pixels(
        cls, pixels: NDArray[np.uint8], layout: PixelFormat = PixelFormat.BGR24
    ) -> "Frame":
        """Return a frame of a still picture, without a camera or a capture time.

        Args:
            pixels: (H, W, 3) or (H, W) uint8, without padding.
            layout: the layout of `pixels`.
        """
        height, width = pixels.shape[:2]
        return cls(
            camera="still",
            seq=0,
            captured_ns=0,
            received_ns=0,
            pixels=pixels,
            format=layout,
            width=width,
            height=height,
        )


@dataclass(frozen=True, slots=True)
class Fit:
    """The mapping from a frame to its tensor: ``tensor = frame * scale + offset``, per axis, both normalised.

    Stretching is the identity; letterboxing shrinks one axis and centres or top-left-aligns it.

    Attributes:
        scale_x: scale of the x axis.
        scale_y: scale of the y axis.
        offset_x: offset of the x axis, a fraction of the tensor's width.
        offset_y: offset of the y axis, a fraction of the tensor's height.
    """

    scale_x: float = 1.0
    scale_y: float = 1.0
    offset_x: float = 0.0
    offset_y: float = 0.0


@dataclass(frozen=True, slots=True)
class Tensor:
    """A model's input.

    Attributes:
        array: (1, H, W, C) or (1, C, H, W), in the dtype that the interpreter expects.
        fit: how the frame was fitted into the tensor.
    """

    array: NDArray[np.generic]
    fit: Fit
