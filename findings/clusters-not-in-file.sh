# tensorflow-model-optimization 0.8.0: a kernel clustered to 16 values has hundreds of values in the converted file.
#
# Installs tensorflow-cpu 2.19.1, tf-keras 2.19.0, tensorflow-model-optimization 0.8.0 and ai-edge-litert 2.3.0. A convolution of 32 channels, with a batch
# normalisation as nearly every network for pictures has them and without, is clustered with the toolkit's own functions, stripped as its guide says, and
# converted to float32 and int8.
#
# One would expect 16 different values in the kernel of the file, as the toolkit's guide counts them in the Keras model, and so a file that compresses well.
#
# What happens: with the normalisation the float32 file has 410 different values, and the int8 file 41 different codes. The converter folds the normalisation
# into the kernel, which multiplies each output channel by another number; without it the float32 file has 16 values. In int8 each channel has a scale of its
# own, so that also without a normalisation one cluster has several codes: 41 again. Only without both are 16 codes left (174 with the normalisation and one
# scale for the whole kernel).
#
# Who is hurt: who counts on the size of a compressed download, and looks only at the Keras model.
. "$(dirname "$0")/common.sh"

install tensorflow-cpu==2.19.1 tf-keras==2.19.0 tensorflow-model-optimization==0.8.0 numpy==1.26.4 ai-edge-litert==2.3.0

cat > "$work/cluster.py" <<'EOF2'
import os

os.environ["TF_USE_LEGACY_KERAS"] = "1"
os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
import numpy as np
import tensorflow as tf
import tensorflow_model_optimization as tfmot
from ai_edge_litert import schema_py_generated as schema

keras, layers = tf.keras, tf.keras.layers
rng = np.random.default_rng(1)


def build(*, normalised):
    keras.utils.set_random_seed(1)
    image = layers.Input((16, 16, 3), batch_size=1)
    x = layers.Conv2D(32, 3, use_bias=False)(image)
    if not normalised:
        return keras.Model(image, layers.ReLU(6.0)(x))
    model = keras.Model(image, layers.ReLU(6.0)(layers.BatchNormalization()(x)))
    model.layers[2].set_weights([rng.uniform(0.5, 1.5, 32) for _ in range(4)])
    return model


def cluster(model):
    clustered = tfmot.clustering.keras.cluster_weights(
        model,
        number_of_clusters=16,
        cluster_centroids_init=tfmot.clustering.keras.CentroidInitialization.KMEANS_PLUS_PLUS,
    )
    return tfmot.clustering.keras.strip_clustering(clustered)


def count(content):
    tree = schema.ModelT.InitFromObj(schema.Model.GetRootAsModel(content, 0))
    graph = tree.subgraphs[0]
    op = next(o for o in graph.operators if tree.operatorCodes[o.opcodeIndex].builtinCode == 3)
    kernel = graph.tensors[op.inputs[1]]
    kind = np.int8 if kernel.type == schema.TensorType.INT8 else np.float32
    return len(np.unique(np.frombuffer(bytes(bytearray(tree.buffers[kernel.buffer].data)), kind)))


def count_all(model):
    """Return the different values in the Keras model, the float32 file, and the int8 file with scales by channel and by tensor."""
    in_keras = len(np.unique(model.layers[1].get_weights()[0]))
    converter = tf.lite.TFLiteConverter.from_keras_model(model)
    plain = count(converter.convert())
    converter.optimizations = [tf.lite.Optimize.DEFAULT]
    converter.representative_dataset = lambda: (
        [rng.random((1, 16, 16, 3), np.float32)] for _ in range(20)
    )
    by_channel = count(converter.convert())
    converter._experimental_disable_per_channel = True
    return in_keras, plain, by_channel, count(converter.convert())


with_norm = count_all(cluster(build(normalised=True)))
without = count_all(cluster(build(normalised=False)))
print("with a normalisation", with_norm, "without", without, file=__import__("sys").stderr)
print(with_norm[0], with_norm[1] > 300, with_norm[2] > 30, "without:", without[:2], without[2] > 30, without[3])
EOF2

expect "$(python cluster.py 2>"$work/log" || cat "$work/log")" "16 True True without: (16, 16) True 16"
grep "^with a normalisation" "$work/log"
