"""The values that pass between stages. All frozen; none knows how it was made or where it goes.

Frames of reference: a *box* is ``[x1, y1, x2, y2]`` with the origin at the top left, normalised to the frame (0..1), float32.
"Tensor coordinates" are the same, normalised to the model's input instead. Times are monotonic nanoseconds.
"""

from dataclasses import dataclass, field
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray

F32 = NDArray[np.float32]
I32 = NDArray[np.int32]


class PixelFormat(StrEnum):
    """How `Frame.pixels` is laid out; the names are FFmpeg's."""

    BGR24 = "bgr24"
    """(H, W, 3) uint8: OpenCV's order."""
    RGB24 = "rgb24"
    """(H, W, 3) uint8."""
    GRAY8 = "gray8"
    """(H, W) uint8."""
    YUV420P = "yuv420p"
    """(H*3/2, stride) uint8, "I420": the Y plane, then U, then V; BT.601."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Frame:
    """One image and when it was taken.

    Attributes:
        camera: the camera's name in the config.
        seq: counts what the camera delivered since it was first opened, from 0, over reconnects.
        captured_ns: when the scene looked so, on the camera's monotonic time line. Live sources: the
            sensor's or the arrival's time. A replay at full speed: the clip's own time, anchored at its opening, so that
            durations are the scene's. Tracks and events live on this line.
        received_ns: when the frame came into our hands, monotonic. Latency is counted from here.
        pixels: uint8, laid out as `format` says; rows may be padded (stride >= width).
        format: the layout of `pixels`.
        width: of the picture in pixels, without padding.
        height: of the picture in pixels.
    """

    camera: str
    seq: int
    captured_ns: int
    received_ns: int
    pixels: NDArray[np.uint8]
    format: PixelFormat
    width: int
    height: int

    @classmethod
    def from_pixels(
        cls, pixels: NDArray[np.uint8], layout: PixelFormat = PixelFormat.BGR24
    ) -> "Frame":
        """A picture that no camera took, of no time: (H, W, 3) or (H, W) uint8, without padding."""
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
    """How a frame was fitted into the tensor: ``tensor = frame * scale + offset``, per axis, both normalised.

    Stretching is the identity; letterboxing shrinks one axis and centres or top-left-aligns it.
    """

    scale_x: float = 1.0
    scale_y: float = 1.0
    offset_x: float = 0.0
    offset_y: float = 0.0


@dataclass(frozen=True, slots=True)
class Tensor:
    """A model's input: `array` as the interpreter wants it (batch axis included), and how the frame was fitted in."""

    array: NDArray[np.generic]
    fit: Fit


@dataclass(frozen=True, slots=True)
class Detections:
    """What a model saw in one frame; a struct of arrays, best score first.

    Attributes:
        boxes: (N, 4) float32, normalised to the frame, clipped to 0..1, x1 <= x2, y1 <= y2.
        scores: (N,) float32, 0..1.
        class_ids: (N,) int32, indices into the model's labels.
    """

    boxes: F32
    scores: F32
    class_ids: I32

    def __post_init__(self) -> None:
        n = len(self.scores)
        if self.boxes.shape != (n, 4) or self.class_ids.shape != (n,) or self.scores.ndim != 1:
            raise ValueError(
                f"detections disagree: boxes {self.boxes.shape}, scores {self.scores.shape}, class ids {self.class_ids.shape}"
            )

    def __len__(self) -> int:
        return len(self.scores)

    def __getitem__(self, index: NDArray[np.bool_] | NDArray[np.intp] | slice) -> "Detections":
        return Detections(self.boxes[index], self.scores[index], self.class_ids[index])

    @classmethod
    def empty(cls) -> "Detections":
        """No detection at all."""
        return cls(np.zeros((0, 4), np.float32), np.zeros(0, np.float32), np.zeros(0, np.int32))


@dataclass(frozen=True, slots=True, kw_only=True)
class TensorInfo:
    """A tensor as the interpreter describes it.

    Attributes:
        index: the interpreter's own number for it.
        name: as the file has it.
        shape: with the batch axis; -1 where dynamic.
        dtype: numpy's name of the element type: ``uint8``, ``int8``, ``int16``, ``float32`` ...
        scale: of the affine quantisation ``real = (q - zero_point) * scale``; 0.0 if not quantised.
        zero_point: of the same.
    """

    index: int
    name: str
    shape: tuple[int, ...]
    dtype: str
    scale: float = 0.0
    zero_point: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class OpInfo:
    """One operator of the graph: its name, and the indices of its tensors."""

    name: str
    inputs: tuple[int, ...]
    outputs: tuple[int, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class FileMetadata:
    """What is packed into the model file beside the graph (all of it may be missing).

    Attributes:
        name: the model's own name.
        version: the model's own version.
        description: a sentence.
        licence: SPDX, or whatever the author wrote.
        labels: index = class id; "" or "???" where a class has no name.
        mean: per-channel, of ``(pixel - mean) / std``, pixel 0..255.
        std: of the same.
        embedded: names of the files in the appended zip.
    """

    name: str = ""
    version: str = ""
    description: str = ""
    licence: str = ""
    labels: tuple[str, ...] = ()
    mean: tuple[float, ...] = ()
    std: tuple[float, ...] = ()
    embedded: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelSignature:
    """All that a family needs to know to recognise and read a model; no interpreter in it.

    `outputs` is in the file's declared order, and `Interpreter.invoke` answers in the same order.
    """

    inputs: tuple[TensorInfo, ...]
    outputs: tuple[TensorInfo, ...]
    ops: tuple[OpInfo, ...] = ()
    metadata: FileMetadata = field(default_factory=FileMetadata)


class Channels(StrEnum):
    """The order of colour channels a model wants."""

    RGB = "rgb"
    BGR = "bgr"
    GRAY = "gray"


class Fitting(StrEnum):
    """How a frame of another aspect ratio is brought to the model's input."""

    STRETCH = "stretch"
    LETTERBOX = "letterbox"
    """Centred, padded."""
    LETTERBOX_TOP_LEFT = "letterbox-top-left"
    """Aligned to the top left, padded: YOLOX."""


@dataclass(frozen=True, slots=True, kw_only=True)
class InputSpec:
    """How a family wants to be fed.

    ``real = (pixel - mean) / std`` per channel; then quantised by `tensor`'s scale and zero point if that is an integer type.
    """

    tensor: TensorInfo
    width: int
    height: int
    channels: Channels = Channels.RGB
    channels_first: bool = False
    fitting: Fitting = Fitting.STRETCH
    pad: int = 114
    mean: tuple[float, ...] = (0.0,)
    std: tuple[float, ...] = (255.0,)
