"""Files of newer converters as sources: what TensorFlow's quantiser cannot read is changed, and nothing else."""

import numpy as np
import tiny
from ai_edge_litert import schema_py_generated as schema

from edged_models.conversion.convert import convert
from edged_models.conversion.flatbuffer import pack_model, unpack_model
from edged_models.conversion.kinds.keras_file import network_source
from edged_models.conversion.kinds.tflite_file import tflite_source
from edged_models.conversion.metadata import attach_metadata, read_model_metadata
from edged_models.conversion.model_metadata import ModelMetadata
from edged_models.conversion.source import Precision
from edged_models.conversion.tensorflow_compatibility import adapt_to_tensorflow
from edged_models.quantization.quantize import quantize_by_recipe
from edged_models.quantization.recipe import make_recipe
from edged_models.quantization.scheme import EngineName, Scheme
from edged_models.tensorflow import keras, layers, tf

LABELS = ("a", "b", "c", "d", "e", "f", "g", "h")
LOWEST = float(np.finfo(np.float32).min)


def build_padded(value: float) -> bytes:
    """Return a float32 .tflite whose maximum pools over a picture padded with a value."""
    keras.utils.set_random_seed(3)
    image = layers.Input((32, 32, 3), batch_size=1)
    paddings = [[0, 0], [1, 1], [1, 1], [0, 0]]
    x = layers.Conv2D(8, 3, 2)(image)
    x = layers.Lambda(lambda one: tf.pad(one, paddings, constant_values=value))(x)
    x = layers.GlobalAveragePooling2D()(layers.MaxPooling2D(3, 2)(x))
    net = keras.Model(image, layers.Softmax()(layers.Dense(8)(x)))
    metadata = ModelMetadata(labels=LABELS, mean=(0.0,), std=(255.0,))
    return attach_metadata(convert(network_source(net, name="padded")), metadata)


def read_pad_value(tree: schema.ModelT) -> float:
    codes = [one.builtinCode for one in tree.operatorCodes]
    graph = tree.subgraphs[0]
    (op,) = [
        one for one in graph.operators if codes[one.opcodeIndex] == schema.BuiltinOperator.PADV2
    ]
    data = tree.buffers[graph.tensors[op.inputs[2]].buffer].data
    return float(np.frombuffer(bytes(bytearray(data)), np.float32)[0])


def mark_constants_kept(model: bytes) -> bytes:
    """Add the metadata that litert-torch writes; returns the file without its labels' archive."""
    tree = unpack_model(model)
    entry = schema.MetadataT()
    entry.name, entry.buffer = b"keep_stablehlo_constant", 0
    tree.metadata = [*(tree.metadata or []), entry]
    return pack_model(tree)


def test_a_file_that_tensorflow_can_read_is_not_changed() -> None:
    model = build_padded(-5.0)
    source = tflite_source(model, name="padded")
    assert source.to_tflite(Precision.FLOAT32) == model
    assert source.metadata.labels == LABELS


def test_a_source_of_litert_torch_is_quantised_whole_by_tensorflow() -> None:
    metadata = ModelMetadata(labels=LABELS)
    model = attach_metadata(mark_constants_kept(build_padded(LOWEST)), metadata)
    source = tflite_source(model, name="padded")
    assert source.metadata.labels == LABELS
    assert read_model_metadata(source.to_tflite(Precision.FLOAT32)).labels == LABELS
    quantized = quantize_by_recipe(
        source,
        make_recipe(Scheme.INT8, None),
        calibration=tiny.pictures(),
        engine=EngineName.TENSORFLOW,
    )
    graph = unpack_model(quantized).subgraphs[0]
    floats = [one.name for one in graph.tensors if one.type == schema.TensorType.FLOAT32]
    assert floats in ([], [graph.tensors[one].name for one in (*graph.inputs, *graph.outputs)])


def test_an_infinite_padding_becomes_the_lowest_number() -> None:
    # Only in memory: TensorFlow's quantiser cannot read it.
    tree = unpack_model(build_padded(-5.0))
    assert not adapt_to_tensorflow(tree)
    value = np.array([-np.inf], np.float32)
    for buffer in tree.buffers:
        if buffer.data is not None and bytes(bytearray(buffer.data)) == np.float32(-5).tobytes():
            buffer.data = np.frombuffer(value.tobytes(), np.uint8)
    assert read_pad_value(tree) == -np.inf
    assert adapt_to_tensorflow(tree)
    assert read_pad_value(tree) == LOWEST
