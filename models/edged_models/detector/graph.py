"""The graph that is converted: the network, followed by the post-processing of its outputs."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from edged.families.ssd_raw import make_anchors
from edged_models.detector.checkpoint import Checkpoint
from edged_models.detector.weights import restore_net
from edged_models.tensorflow import keras, tf


class DetectorHead(StrEnum):
    """The outputs of a detector."""

    POSTPROCESS = "postprocess"
    """Detections: the op TFLite_Detection_PostProcess decodes and suppresses boxes in the graph."""
    RAW = "raw"
    """Box codes and scores of every cell; the daemon decodes them."""


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
    # Printed marks do not overlap: a box that overlaps a better one by so much belongs to the same mark.
    "nms_iou_threshold": 0.2,
    "y_scale": 1.0,
    "x_scale": 1.0,
    "h_scale": 1.0,
    "w_scale": 1.0,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class DetectorGraph:
    """A TensorFlow function, ready to convert.

    Attributes:
        module: keeps the function's variables alive.
        function: maps (1, side, side, 3) float32 RGB in 0..1 to tensors by name.
        outputs: names of the output tensors, in the order of the .tflite's outputs.
        head: kind of the outputs.
    """

    module: tf.Module
    function: Any
    outputs: tuple[str, ...]
    head: DetectorHead


def build_graph(
    checkpoint: Checkpoint, *, head: DetectorHead, side_px: int | None = None
) -> DetectorGraph:
    """Build the graph of a trained network, for one input size.

    Args:
        checkpoint: the network.
        head: kind of the outputs.
        side_px: side of the square input; the checkpoint's own if None.

    Raises:
        SourceError: the checkpoint's weights do not fit its architecture.
    """
    side_px = side_px or checkpoint.side_px
    return build_graph_of_net(restore_net(checkpoint, side_px=side_px), head=head)


def build_graph_of_net(model: keras.Model, *, head: DetectorHead) -> DetectorGraph:
    """Build the graph of a network in memory, which has one input size."""
    side_px = int(model.input_shape[1])
    label_count = int(model.output_shape[1][-1])
    postprocess = (
        _build_postprocess(side_px, label_count)
        if head is DetectorHead.POSTPROCESS
        else _pass_through
    )

    @tf.function(input_signature=[tf.TensorSpec([1, side_px, side_px, 3], tf.float32, "image")])
    def detect(image: tf.Tensor) -> dict[str, tf.Tensor]:
        outputs = postprocess(*model(image, training=False))
        return dict(zip(_OUTPUTS[head], outputs, strict=True))

    module = tf.Module()
    module.model, module.detect = model, detect
    return DetectorGraph(module=module, function=detect, outputs=_OUTPUTS[head], head=head)


def _pass_through(codes: tf.Tensor, scores: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
    return codes, scores


def _build_postprocess(side_px: int, label_count: int) -> Any:
    """Return a function that the converter replaces by the op TFLite_Detection_PostProcess."""
    table = tf.constant(make_anchors(side_px, side_px))

    # The converter uses the name and attributes only: the body just returns the right number of outputs.
    @tf.function(experimental_implements=_op_signature(label_count))
    def op(codes: tf.Tensor, scores: tf.Tensor, table: tf.Tensor) -> tuple:  # noqa: ARG001  # read by the op
        return tuple(tf.constant(0.0, name=name) for name in _OUTPUTS[DetectorHead.POSTPROCESS])

    return lambda codes, scores: op(codes, scores, table)


def _op_signature(label_count: int) -> str:
    attributes = ['name: "TFLite_Detection_PostProcess"']
    for key, value in {**_POSTPROCESS_OPTIONS, "num_classes": label_count}.items():
        if isinstance(value, bool):
            typed = f"b: {str(value).lower()}"
        else:
            typed = f"{'f' if isinstance(value, float) else 'i'}: {value}"
        attributes.append(f'attr {{ key: "{key}" value {{ {typed} }} }}')
    return " ".join(attributes)
