"""From weights to the .tflite that the daemon runs. Run as ``python -m models.marks.export``.

Weights and activations are int8, the input is uint8 pixels, and non-maximum suppression is in the graph.
"""

import argparse
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import flatbuffers
import numpy as np
import tensorflow as tf
from tensorflow.lite.python import schema_py_generated as schema

from edged import bundled
from edged.marks import MARKS
from models.marks import net
from models.marks.anchors import anchors
from models.marks.dataset import TRAIN_SEEDS, cache_folder, load
from models.marks.metadata import Card, attach
from models.marks.scenes import SIDE_PX

_OUTPUTS = ("boxes", "classes", "scores", "count")
_LABELLED = 1
_CALIBRATION_SCENES = 300
_SETTINGS = {
    "max_detections": 50,
    "max_classes_per_detection": 1,
    "detections_per_class": 50,
    "num_classes": len(MARKS),
    "use_regular_nms": True,
    "nms_score_threshold": 0.05,
    # Flat prints do not lie over each other: a box that far over a better one is a part of the same mark.
    "nms_iou_threshold": 0.2,
    "y_scale": 1.0,
    "x_scale": 1.0,
    "h_scale": 1.0,
    "w_scale": 1.0,
}
CARD = Card(
    name="edged marks",
    version="0.1.0",
    description="Printed codes, fiducial tags and safety signs, by kind.",
    author="The edged authors",
    licence="Apache-2.0",
    mean=0.0,
    std=255.0,
    labels=MARKS,
)


def export(weights: Path, *, quantised: bool) -> bytes:
    """The .tflite of these weights; not `quantised`, everything is float32, to compare with."""
    model = net.build(side_px=SIDE_PX, labels=len(MARKS))
    model.load_weights(weights)
    module = tf.Module()
    module.model, module.detect = model, _detect(model)
    # By way of a SavedModel: converting the function itself would inline the post-process op's stand-in.
    with TemporaryDirectory() as folder:
        tf.saved_model.save(module, folder, signatures=module.detect)
        written = _convert(folder, quantised=quantised)
    return attach(_in_op_order(written), CARD, outputs=_OUTPUTS, labelled=_LABELLED)


def _convert(folder: str, *, quantised: bool) -> bytes:
    converter = tf.lite.TFLiteConverter.from_saved_model(folder)
    converter.allow_custom_ops = True
    if quantised:
        converter.optimizations = [tf.lite.Optimize.DEFAULT]
        converter.representative_dataset = _calibration
        converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS_INT8]
        converter.inference_input_type = tf.uint8
    return bytes(converter.convert())


def _detect(model: net.keras.Model) -> tf.types.experimental.GenericFunction:
    """The net, followed by what the converter turns into the TFLite_Detection_PostProcess op."""
    table = tf.constant(anchors(SIDE_PX))

    # The converter looks at the name and attributes only: the body just gives the right number of outputs.
    @tf.function(experimental_implements=_op_signature())
    def post_process(codes: tf.Tensor, scores: tf.Tensor, table: tf.Tensor) -> tuple:  # noqa: ARG001  # read by the op
        return tuple(tf.constant(0.0, name=name) for name in _OUTPUTS)

    @tf.function(input_signature=[tf.TensorSpec([1, SIDE_PX, SIDE_PX, 3], tf.float32, "image")])
    def detect(image: tf.Tensor) -> dict[str, tf.Tensor]:
        outputs = post_process(*model(image, training=False), table)
        return dict(zip(_OUTPUTS, outputs, strict=True))

    return detect


def _op_signature() -> str:
    attributes = ['name: "TFLite_Detection_PostProcess"']
    for key, value in _SETTINGS.items():
        if isinstance(value, bool):
            kind = f"b: {str(value).lower()}"
        else:
            kind = f"{'f' if isinstance(value, float) else 'i'}: {value}"
        attributes.append(f'attr {{ key: "{key}" value {{ {kind} }} }}')
    return " ".join(attributes)


def _in_op_order(model: bytes) -> bytes:
    """The converter shuffles the outputs; bring them back into the op's own order: boxes, classes, scores, count."""
    tree = schema.ModelT.InitFromObj(schema.Model.GetRootAsModel(model, 0))
    graph = tree.subgraphs[0]
    (op,) = (o for o in graph.operators if tree.operatorCodes[o.opcodeIndex].customCode)
    graph.outputs = list(op.outputs)
    tree.signatureDefs = None
    builder = flatbuffers.Builder(len(model))
    builder.Finish(tree.Pack(builder), b"TFL3")
    return bytes(builder.Output())


def _calibration() -> Iterator[list[np.ndarray]]:
    """Scenes from all over the training set, as the net sees them."""
    images = load(TRAIN_SEEDS).images
    for place in np.linspace(0, len(images) - 1, _CALIBRATION_SCENES).astype(int):
        yield [images[place][None].astype(np.float32) / 255]


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--weights", type=Path, default=cache_folder() / "marks.weights.h5")
    parser.add_argument("--out", type=Path, default=bundled.model())
    parser.add_argument("--float", action="store_true", help="do not quantise")
    arguments = parser.parse_args()
    written = export(arguments.weights, quantised=not arguments.float)
    arguments.out.write_bytes(written)
    print(f"{arguments.out}: {len(written) / 1024:.0f} KiB")


if __name__ == "__main__":
    main()
