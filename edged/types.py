"""The values that pass between stages. All are frozen, and independent of the stages that make and read them.

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
    """The layout of `Frame.pixels`; the names are FFmpeg's."""

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
    """One image and its capture time.

    Attributes:
        camera: the camera's name in the configuration.
        seq: number of the frame since the camera was first opened, from 0; it goes on counting after a reconnection.
        captured_ns: capture time on the camera's monotonic time line. Live sources: the sensor's time stamp, else the time of
            arrival. A replay at full speed: the clip's own time, counted from its opening, so that durations are the
            scene's. Tracks and events use this time line.
        received_ns: when the driver delivered the frame, monotonic. Latency is measured from here.
        pixels: uint8, laid out as `format` says; rows may be padded (stride >= width).
        format: the layout of `pixels`.
        width: width of the picture in pixels, without padding.
        height: height of the picture in pixels.
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


@dataclass(frozen=True, slots=True)
class Detections:
    """The detections of one frame, as a struct of arrays, best score first.

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
        """Return detections of length 0."""
        return cls(np.zeros((0, 4), np.float32), np.zeros(0, np.float32), np.zeros(0, np.int32))


@dataclass(frozen=True, slots=True, kw_only=True)
class TensorInfo:
    """A tensor as the interpreter describes it.

    Attributes:
        index: the interpreter's own number for it.
        name: its name in the model file.
        shape: its shape, with the batch axis; -1 where dynamic.
        dtype: numpy's name of the element type: ``uint8``, ``int8``, ``int16``, ``float32`` ...
        scale: scale of the affine quantisation ``real = (q - zero_point) * scale``; 0.0 if not quantised.
        zero_point: zero point of the same quantisation.
    """

    index: int
    name: str
    shape: tuple[int, ...]
    dtype: str
    scale: float = 0.0
    zero_point: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class OpInfo:
    """One operator of the graph.

    Attributes:
        name: the operator's name.
        inputs: indices of the tensors that it reads.
        outputs: indices of the tensors that it writes.
    """

    name: str
    inputs: tuple[int, ...]
    outputs: tuple[int, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class FileMetadata:
    """Metadata that is packed into the model file beside the graph; missing texts are "", as in `edged inspect --json`.

    Attributes:
        name: the model's own name.
        version: the model's own version.
        description: a sentence.
        licence: an SPDX identifier, or the author's own text.
        labels: index = class id; "" or "???" where a class has no name.
        mean: mean of each channel in ``(pixel - mean) / std``, pixel 0..255.
        std: standard deviation of each channel in the same formula.
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
    """Everything that a family needs to recognise and decode a model, without the interpreter.

    Attributes:
        inputs: the model's inputs.
        outputs: the model's outputs, in the order that the file declares; `Interpreter.invoke` returns them in the same order.
        ops: the operators of the graph.
        metadata: metadata from the model file.
    """

    inputs: tuple[TensorInfo, ...]
    outputs: tuple[TensorInfo, ...]
    ops: tuple[OpInfo, ...] = ()
    metadata: FileMetadata = field(default_factory=FileMetadata)


class Channels(StrEnum):
    """The order of colour channels that a model expects."""

    RGB = "rgb"
    BGR = "bgr"
    GRAY = "gray"


class Fitting(StrEnum):
    """The way in which a frame of another aspect ratio is fitted into the model's input."""

    STRETCH = "stretch"
    LETTERBOX = "letterbox"
    """Centred, padded."""
    LETTERBOX_TOP_LEFT = "letterbox-top-left"
    """Aligned to the top left, padded: YOLOX."""


@dataclass(frozen=True, slots=True, kw_only=True)
class InputSpec:
    """The preparation of a model's input.

    ``real = (pixel - mean) / std`` per channel; then quantised with `tensor`'s scale and zero point if that is an integer type.

    Attributes:
        tensor: the input tensor.
        width: width of the tensor's picture, pixels.
        height: height of the tensor's picture, pixels.
        channels: order of the colour channels.
        channels_first: True for [1, C, H, W], False for [1, H, W, C].
        fitting: how a frame of another aspect ratio is fitted in.
        pad: grey level of the padding, 0..255.
        mean: mean of each channel, or one for all of them.
        std: standard deviation of each channel, or one for all of them.
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
