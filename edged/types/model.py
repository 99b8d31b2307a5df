"""A model as its file describes it, and the preparation of its input."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from edged.types.box_decoding import BoxDecoding


@dataclass(frozen=True, slots=True, kw_only=True)
class TensorInfo:
    """A tensor as the interpreter describes it.

    Attributes:
        index: the interpreter's own number for it.
        name: its name in the model file.
        shape: its shape, with the batch axis; -1 where dynamic.
        dtype: numpy's name of the element type: ``uint8``, ``int8``, ``int16``, ``float32`` ...
        scale: scale of the affine quantisation ``real = (q - zero_point) * scale``; 0.0 if not quantised.
        zero_point: zero point of that quantisation.
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
class PostprocessOptions:
    """The options that the operator `TFLite_Detection_PostProcess` has in the model file.

    Attributes:
        num_classes: number of classes, without the background.
        max_detections: largest number of anchors that the operator reports.
        max_classes_per_detection: number of rows that it has for each anchor, if `use_regular_nms` is False.
        detections_per_class: largest number of anchors of a class, if `use_regular_nms` is True.
        use_regular_nms: True: suppression within each class; False ("fast"): one suppression by each anchor's best class.
        nms_score_threshold: lowest score that the operator reports, 0..1.
        nms_iou_threshold: smallest intersection over union that is suppressed, 0..1.
    """

    num_classes: int
    max_detections: int
    max_classes_per_detection: int = 1
    detections_per_class: int = 100
    use_regular_nms: bool = False
    nms_score_threshold: float = 0.0
    nms_iou_threshold: float = 0.0

    @property
    def rows_per_anchor(self) -> int:
        """Number of rows that the outputs have for each anchor that the operator counts."""
        return 1 if self.use_regular_nms else max(1, self.max_classes_per_detection)

    @property
    def valid_rows_per_anchor(self) -> int:
        """Number of those rows that the operator writes; the rest is uninitialised memory."""
        return min(self.rows_per_anchor, self.num_classes) if self.num_classes > 0 else 1


@dataclass(frozen=True, slots=True, kw_only=True)
class EntryPoint:
    """The part of a model file that runs.

    Attributes:
        signature: name of its signature; None if the file has none for it.
        subgraph: number of its subgraph.
        other_signatures: names of the file's signatures that do not run.
    """

    signature: str | None = None
    subgraph: int = 0
    other_signatures: tuple[str, ...] = ()


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
        task: what the model does, in Ultralytics' words: ``detect``, ``pose``, ``segment``, ``obb``, ``classify``.
        labels_file: the embedded file that the labels are from; "" if none was taken.
        labels_fault: why that file cannot be read; "" if it can.
        are_labels_guessed: that file was taken only because there is no other text file.
        class_count: number of classes that Ultralytics' exporter named in the file; None if it did not.
        box_decoding: MediaPipe's description of raw boxes and scores; None if there is none.
        thresholds: by label, the smallest score of a detection that the model's maker recommends, 0.5..1; empty for none.
    """

    name: str = ""
    version: str = ""
    description: str = ""
    licence: str = ""
    labels: tuple[str, ...] = ()
    mean: tuple[float, ...] = ()
    std: tuple[float, ...] = ()
    embedded: tuple[str, ...] = ()
    task: str = ""
    labels_file: str = ""
    labels_fault: str = ""
    are_labels_guessed: bool = False
    class_count: int | None = None
    box_decoding: BoxDecoding | None = None
    thresholds: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelSignature:
    """Everything that a family needs to recognise and decode a model, without the interpreter.

    Attributes:
        inputs: the model's inputs.
        outputs: the model's outputs, in the order that the file declares; `Interpreter.invoke` returns them in the same order.
        ops: the operators of the graph.
        metadata: metadata from the model file.
        postprocess: options of its detection post-process; None if the graph has no such operator.
        entry_point: the part of the file that runs.
    """

    inputs: tuple[TensorInfo, ...]
    outputs: tuple[TensorInfo, ...]
    ops: tuple[OpInfo, ...] = ()
    metadata: FileMetadata = field(default_factory=FileMetadata)
    postprocess: PostprocessOptions | None = None
    entry_point: EntryPoint = field(default_factory=EntryPoint)


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
