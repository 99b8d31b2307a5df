"""Makes mediapipe_float.tflite and mediapipe_uint8.tflite: tiny detectors whose metadata MediaPipe's own writer writes.

    .venv-models/bin/python tests/support/make_mediapipe_model.py graph BARE_FOLDER
    PYTHON-WITH-MEDIAPIPE-0.10.21 tests/support/make_mediapipe_model.py metadata BARE_FOLDER

It is run by hand, in two environments, since TensorFlow and MediaPipe need different versions of numpy. The network is random: its
outputs depend on the mean colours of the four quarters of the picture. The converter writes the scores first.
"""

import random
import sys
from pathlib import Path

SIDE_PX, ROWS, CLASSES = 32, 24, 3
NAMES = ("float", "uint8")
SCALES = (8.0, 8.0, 4.0, 4.0)


def make_anchors() -> list[tuple[float, ...]]:
    """Return centre x, centre y, width and height of each anchor."""
    rng = random.Random(12)
    return [tuple(rng.uniform(0.2, 0.8) for _ in range(4)) for _ in range(ROWS)]


def write_graphs(folder: Path) -> None:
    """Write both networks without metadata."""
    import tensorflow as tf  # type: ignore[import-untyped] # it has no stubs

    tf.random.set_seed(3)
    picture = tf.keras.Input((SIDE_PX, SIDE_PX, 3), 1)
    means = tf.keras.layers.Flatten()(tf.keras.layers.AveragePooling2D(SIDE_PX // 2)(picture))
    dense = [
        tf.keras.layers.Dense(
            ROWS * n, activation, kernel_initializer=tf.keras.initializers.RandomNormal(0.0, 2.0, n)
        )
        for n, activation in ((4, None), (CLASSES, "sigmoid"))
    ]
    codes = tf.keras.layers.Reshape((ROWS, 4))(dense[0](means))
    scores = tf.keras.layers.Reshape((ROWS, CLASSES))(dense[1](means))
    rng = tf.random.Generator.from_seed(4)
    samples = [rng.uniform((1, 2, 2, 3), -1.0, 1.0) for _ in range(50)]
    samples = [tf.repeat(tf.repeat(one, SIDE_PX // 2, 1), SIDE_PX // 2, 2) for one in samples]
    for name in NAMES:
        model = tf.keras.Model(picture, [codes, scores])
        converter = tf.lite.TFLiteConverter.from_keras_model(model)
        if name == "uint8":
            converter.optimizations = [tf.lite.Optimize.DEFAULT]
            converter.representative_dataset = lambda: ([one] for one in samples)
            converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS_INT8]
            converter.inference_input_type = converter.inference_output_type = tf.uint8
        (folder / f"{name}.tflite").write_bytes(converter.convert())


def write_metadata(folder: Path) -> None:
    """Add the metadata with MediaPipe's writer."""
    from mediapipe.tasks.python.metadata.metadata_writers import (  # type: ignore[import-not-found] # not in this environment
        metadata_info,
        metadata_writer,
    )
    from mediapipe.tasks.python.metadata.metadata_writers import (
        object_detector as writer,
    )

    anchors = writer.FixedAnchorsSchema([writer.FixedAnchor(*row) for row in make_anchors()])
    options = writer.TensorsDecodingOptions(
        num_classes=CLASSES,
        num_boxes=ROWS,
        num_coords=4,
        keypoint_coord_offset=0,
        num_keypoints=0,
        num_values_per_keypoint=2,
        **dict(zip(("y_scale", "x_scale", "h_scale", "w_scale"), SCALES, strict=True)),
        apply_exponential_on_box_size=True,
        sigmoid_score=False,
    )
    order = metadata_info.RawDetectionOutputTensorsOrder.SCORE_LOCATION
    for name in NAMES:
        made = writer.MetadataWriter.create_for_models_without_nms(
            bytearray((folder / f"{name}.tflite").read_bytes()),
            [127.5],
            [127.5],
            labels=metadata_writer.Labels().add(["blue", "red", "green"]),
            ssd_anchors_options=writer.SsdAnchorsOptions(anchors),
            tensors_decoding_options=options,
            output_tensors_order=order,
        )
        Path(__file__).with_name(f"mediapipe_{name}.tflite").write_bytes(made.populate()[0])


if __name__ == "__main__":
    {"graph": write_graphs, "metadata": write_metadata}[sys.argv[1]](Path(sys.argv[2]))
