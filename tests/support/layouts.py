"""The layouts of models that people have, as small made files: the rows of the table in docs/models-supported.md.

A new layout is one line in `LAYOUTS`. What edged makes of it stands nowhere here: `support.layout_table` runs it.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from support.flatbuffer_writer import Table, write_flatbuffer
from support.model_files import Floats, ModelWriter, OutputPlan, make_model

DTYPES = ("float32", "uint8", "int8", "int16")
PICTURE = (1, 64, 64, 3)
CELLS = 84
"""Cells of a picture of 64x64 px at the strides 8, 16, 32."""
_ROWS = 25

MakeModel = Callable[[str], bytes]
"""Input and output type -> the file."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Layout:
    """A layout of a model.

    Attributes:
        name: what people call the model.
        outputs: its outputs, as the table has them.
        make: makes a file.
    """

    name: str
    outputs: str
    make: MakeModel


def shares(shape: Sequence[int], low: float = 0.05, high: float = 0.2) -> Floats:
    """Return numbers that can be scores as well as coordinates, always the same for a shape."""
    return np.random.default_rng(int(np.prod(shape))).uniform(low, high, shape)


def plain(
    *shapes: Sequence[int],
    activation: str | None = None,
    inputs: Sequence[int] = PICTURE,
    files: dict[str, str] | None = None,
) -> MakeModel:
    """Return a maker of models with outputs of these shapes.

    Args:
        shapes: shapes of the outputs.
        activation: SOFTMAX or LOGISTIC before each output; None for none.
        inputs: shape of the input.
        files: texts in the appended zip, by name.
    """

    def make(dtype: str) -> bytes:
        outputs = [
            OutputPlan(
                values=shares(s),
                gain=shares(s, 0.1, 3.0 if activation else 0.4),
                high=4.0 if activation else 1.0,
                activation=activation,
            )
            for s in shapes
        ]
        return make_model(*outputs, dtype=dtype, shape=inputs, files=files)

    return make


def yolox(dtype: str) -> bytes:
    """Return a YOLOX, whose pixels are not scaled."""
    max_pixel = 255.0 if dtype in {"float32", "int16"} else 1.0
    writer = ModelWriter(dtype, PICTURE, max_pixel=max_pixel)
    shape = (1, CELLS, 8)
    writer.output(OutputPlan(values=shares(shape), gain=shares(shape, 0.1, 0.5) / max_pixel))
    return writer.write()


def suppressed(columns: int) -> MakeModel:
    """Return a maker of exports with suppression in the graph: corners, score, class id, and further columns."""

    def make(dtype: str) -> bytes:
        values = shares((1, _ROWS, columns))
        values[..., 2:4] += 0.5
        values[..., 5] = 0.0
        gain = shares((1, _ROWS, columns), 0.1, 0.4)
        gain[..., 5] = 0.0
        return make_model(OutputPlan(values=values, gain=gain), dtype=dtype)

    return make


def ssd(*, classes_per_anchor: int = 1, is_regular: bool = False) -> MakeModel:
    """Return a maker of SSDs with the detection post-process.

    Args:
        classes_per_anchor: `max_classes_per_detection`.
        is_regular: `use_regular_nms`.
    """

    def make(dtype: str) -> bytes:
        writer = ModelWriter(dtype)
        codes, scores = (1, CELLS, 4), (1, CELLS, 4)
        outputs = writer.postprocess(
            OutputPlan(values=shares(codes), gain=0.2),
            OutputPlan(values=shares(scores), gain=shares(scores, 0.1, 0.5)),
            shares((CELLS, 4), 0.2, 0.8),
            num_classes=3,
            max_detections=_ROWS,
            max_classes_per_detection=classes_per_anchor,
            use_regular_nms=int(is_regular),
            nms_score_threshold=0.01,
            nms_iou_threshold=0.6,
            y_scale=10.0,
            x_scale=10.0,
            h_scale=5.0,
            w_scale=5.0,
        )
        writer.declare(*outputs)
        return writer.write()

    return make


def mediapipe(dtype: str) -> bytes:
    """Return a detector of MediaPipe's Model Maker, with its anchors in the metadata."""
    anchors: list[Table] = [
        {slot: ("f", value) for slot, value in enumerate(row)}
        for row in shares((_ROWS, 4), 0.2, 0.8)
    ]
    decoding: Table = {0: ("i", 3), 1: ("i", _ROWS), 2: ("i", 4), 10: ("B", 1)}
    scales: Table = dict.fromkeys((6, 7, 8, 9), ("f", 1.0))
    options: Table = {1: {0: {0: anchors}}, 2: {**decoding, **scales}}
    custom: Table = {0: "DETECTOR_METADATA", 1: write_flatbuffer(options, b"V001")}
    writer = ModelWriter(dtype)
    for shape in ((1, _ROWS, 4), (1, _ROWS, 3)):
        writer.output(OutputPlan(values=shares(shape), gain=shares(shape, 0.1, 0.4)))
    return writer.write(metadata=write_flatbuffer({3: [{9: [custom]}]}, b"M001"))


_STRIDES = ((1, 64, 64), (1, 64, 3), (1, 16, 64), (1, 16, 3), (1, 4, 64), (1, 4, 3))

LAYOUTS = (
    Layout(name="SSD, EfficientDet", outputs="post-process", make=ssd()),
    Layout(name="SSD, regular suppression", outputs="post-process", make=ssd(is_regular=True)),
    Layout(name="SSD, several classes an anchor", outputs="post-process", make=ssd(classes_per_anchor=2)),
    Layout(name="SSD of `edged-models`, raw", outputs="`[1,84,4]`, `[1,84,3]`", make=plain((1, CELLS, 4), (1, CELLS, 3))),
    Layout(name="SSD with 1,917 anchors, raw", outputs="`[1,1917,4]`, `[1,1917,3]`", make=plain((1, 1917, 4), (1, 1917, 3), inputs=(1, 300, 300, 3))),
    Layout(name="MediaPipe Model Maker", outputs="`[1,25,4]`, `[1,25,3]`", make=mediapipe),
    Layout(name="RF-DETR, D-FINE, RT-DETR", outputs="`[1,300,4]`, `[1,300,3]`", make=plain((1, 300, 4), (1, 300, 3))),
    Layout(name="YOLOv9 for the EdgeTPU, split", outputs="`[1,84,64]`, `[1,84,3]`", make=plain((1, CELLS, 64), (1, CELLS, 3))),
    Layout(name="YOLOv8, split by stride", outputs="`[1,64,64]`, `[1,64,3]`, ...", make=plain(*_STRIDES)),
    Layout(name="YOLOv8, YOLO11", outputs="`[1,7,84]`", make=plain((1, 7, CELLS))),
    Layout(name="YOLOv8, channels first", outputs="`[1,7,84]`", make=plain((1, 7, CELLS), inputs=(1, 3, 64, 64))),
    Layout(name="YOLOv8, 52 classes with labels", outputs="`[1,56,84]`", make=plain((1, 56, CELLS), files={"labels.txt": "label\n" * 52})),
    Layout(name="YOLOv5, YOLOv7", outputs="`[1,252,8]`", make=plain((1, 3 * CELLS, 8))),
    Layout(name="YOLOv3 to v7 without decoding", outputs="`[1,8,8,24]`, `[1,4,4,24]`, `[1,2,2,24]`", make=plain((1, 8, 8, 24), (1, 4, 4, 24), (1, 2, 2, 24))),
    Layout(name="YOLOX", outputs="`[1,84,8]`", make=yolox),
    Layout(name="YOLOv10, YOLO26, `nms=True`", outputs="`[1,25,6]`", make=suppressed(6)),
    Layout(name="Edge Impulse FOMO", outputs="`[1,8,8,3]`", make=plain((1, 8, 8, 3), activation="SOFTMAX")),
    Layout(name="Classifier with softmax", outputs="`[1,10]`", make=plain((1, 10), activation="SOFTMAX")),
    Layout(name="Classifier with sigmoids", outputs="`[1,10]`", make=plain((1, 10), activation="LOGISTIC")),
    Layout(name="Classifier, gray, 28x28", outputs="`[1,10]`", make=plain((1, 10), activation="SOFTMAX", inputs=(1, 28, 28, 1))),
    Layout(name="Classifier, logits and labels", outputs="`[1,3]`", make=plain((1, 3), files={"labels.txt": "a\nb\nc\n"})),
    Layout(name="Feature extractor", outputs="`[1,1,1,1024]`", make=plain((1, 1, 1, 1024))),
    Layout(name="Backbone without its head", outputs="`[1,4,4,1280]`", make=plain((1, 4, 4, 1280))),
    Layout(name="One sigmoid", outputs="`[1,1]`", make=plain((1, 1), activation="LOGISTIC")),
    Layout(name="YOLOv8-pose", outputs="`[1,56,84]`", make=plain((1, 56, CELLS))),
    Layout(name="YOLOv8-pose, `task` in the file", outputs="`[1,12,84]`", make=plain((1, 12, CELLS), files={"metadata.json": '{"task": "pose", "names": {"0": "box"}}'})),
    Layout(name="YOLOv8-pose, `nms=True`", outputs="`[1,25,57]`", make=suppressed(57)),
    Layout(name="YOLOv7-pose", outputs="`[1,252,57]`", make=plain((1, 3 * CELLS, 57))),
    Layout(name="MoveNet", outputs="`[1,1,17,3]`", make=plain((1, 1, 17, 3))),
    Layout(name="PoseNet", outputs="`[1,5,5,17]`, `[1,5,5,34]`", make=plain((1, 5, 5, 17), (1, 5, 5, 34))),
    Layout(name="YOLOv8-obb, DOTA", outputs="`[1,20,84]`", make=plain((1, 20, CELLS))),
    Layout(name="YOLOv8-obb, `nms=True`", outputs="`[1,25,7]`", make=suppressed(7)),
    Layout(name="YOLOv8-seg", outputs="`[1,37,84]`, `[1,16,16,32]`", make=plain((1, 37, CELLS), (1, 16, 16, 32))),
    Layout(name="YOLOv8-seg without prototypes", outputs="`[1,116,84]`", make=plain((1, 116, CELLS))),
    Layout(name="YOLOv5-seg", outputs="`[1,252,38]`, `[1,16,16,32]`", make=plain((1, 3 * CELLS, 38), (1, 16, 16, 32))),
    Layout(name="DeepLab", outputs="`[1,64,64,21]`", make=plain((1, 64, 64, 21))),
    Layout(name="Depth, portrait masks", outputs="`[1,64,64,1]`", make=plain((1, 64, 64, 1))),
    Layout(name="YOLOv5-face", outputs="`[1,252,16]`", make=plain((1, 3 * CELLS, 16))),
    Layout(name="BlazeFace", outputs="`[1,896,16]`, `[1,896,1]`", make=plain((1, 896, 16), (1, 896, 1))),
    Layout(name="MediaPipe palm detector", outputs="`[1,2016,18]`, `[1,2016,1]`", make=plain((1, 2016, 18), (1, 2016, 1))),
    Layout(name="MediaPipe face mesh", outputs="`[1,1,1,1404]`, `[1,1,1,1]`", make=plain((1, 1, 1, 1404), (1, 1, 1, 1))),
    Layout(name="MediaPipe hand landmarks", outputs="`[1,63]`, `[1,1]`", make=plain((1, 63), (1, 1))),
    Layout(name="YAMNet (sound)", outputs="`[1,521]`", make=plain((1, 521), inputs=(1, 15600))),
)  # fmt: skip
"""The layouts, in the order of the table: those that run, then the others by kind."""
