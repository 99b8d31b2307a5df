"""The graph that is converted: the net, and behind it what the device would else have to do."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from edged.families.ssd_raw import make_anchors
from edged_models.detector.checkpoint import Checkpoint
from edged_models.detector.weights import restore_net
from edged_models.tensorflow import keras, tf


class DetectorHead(StrEnum):
    """What a detector gives."""

    POSTPROCESS = "postprocess"
    """Detections: boxes are decoded and suppressed in the graph by the op TFLite_Detection_PostProcess."""
    RAW = "raw"
    """Box codes and scores of every cell, for the daemon to decode."""


_OUTPUTS = {
    DetectorHead.POSTPROCESS: ("boxes", "classes", "scores", "count"),
    DetectorHead.RAW: ("boxes", "scores"),
}
_POSTPROCESS_OPTIONS = {
    "max_detections": 50,
    "max_classes_per_detection": 1,
    "detections_per_class": 50,
    "use_regular_nms": True,
    "nms_score_threshold": 0.05,
    # Flat prints do not lie over each other: a box that far over a better one is a part of the same mark.
    "nms_iou_threshold": 0.2,
    "y_scale": 1.0,
    "x_scale": 1.0,
    "h_scale": 1.0,
    "w_scale": 1.0,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class DetectorGraph:
    """A function of TensorFlow, ready to convert.

    Attributes:
        module: keeps the function's variables alive.
        function: from (1, side, side, 3) float32 RGB in 0..1 to tensors by name.
        outputs: their names, in the order in which the .tflite shall have them.
        head: what they are.
    """

    module: tf.Module
    function: Any
    outputs: tuple[str, ...]
    head: DetectorHead


def build_graph(
    checkpoint: Checkpoint, *, head: DetectorHead, side_px: int | None = None
) -> DetectorGraph:
    """The graph of a trained net, for one input size; its own if `side_px` is None."""
    side_px = side_px or checkpoint.side_px
    return build_graph_of_net(restore_net(checkpoint, side_px=side_px), head=head)


def build_graph_of_net(model: keras.Model, *, head: DetectorHead) -> DetectorGraph:
    """As `graph_of`, of a net that is built for one input size."""
    side_px = int(model.input_shape[1])
    labels = int(model.output_shape[1][-1])
    behind = (
        _build_postprocess(side_px, labels) if head is DetectorHead.POSTPROCESS else _pass_through
    )

    @tf.function(input_signature=[tf.TensorSpec([1, side_px, side_px, 3], tf.float32, "image")])
    def detect(image: tf.Tensor) -> dict[str, tf.Tensor]:
        outputs = behind(*model(image, training=False))
        return dict(zip(_OUTPUTS[head], outputs, strict=True))

    module = tf.Module()
    module.model, module.detect = model, detect
    return DetectorGraph(module=module, function=detect, outputs=_OUTPUTS[head], head=head)


def _pass_through(codes: tf.Tensor, scores: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
    return codes, scores


def _build_postprocess(side_px: int, labels: int) -> Any:
    """What the converter turns into the TFLite_Detection_PostProcess op."""
    table = tf.constant(make_anchors(side_px, side_px))

    # The converter looks at the name and attributes only: the body just gives the right number of outputs.
    @tf.function(experimental_implements=_op_signature(labels))
    def op(codes: tf.Tensor, scores: tf.Tensor, table: tf.Tensor) -> tuple:  # noqa: ARG001  # read by the op
        return tuple(tf.constant(0.0, name=name) for name in _OUTPUTS[DetectorHead.POSTPROCESS])

    return lambda codes, scores: op(codes, scores, table)


def _op_signature(labels: int) -> str:
    attributes = ['name: "TFLite_Detection_PostProcess"']
    for key, value in {**_POSTPROCESS_OPTIONS, "num_classes": labels}.items():
        if isinstance(value, bool):
            kind = f"b: {str(value).lower()}"
        else:
            kind = f"{'f' if isinstance(value, float) else 'i'}: {value}"
        attributes.append(f'attr {{ key: "{key}" value {{ {kind} }} }}')
    return " ".join(attributes)
