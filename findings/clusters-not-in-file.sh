# tensorflow-model-optimization 0.8.0: a kernel clustered to 16 values has hundreds of values in the converted file.
#
# Installs tensorflow-cpu 2.19.1, tf-keras 2.19.0 and tensorflow-model-optimization 0.8.0. A convolution with a batch normalisation, as nearly every
# network for pictures has them, is clustered with the toolkit's own functions, stripped as its guide says, and converted to float32 and int8.
#
# One would expect 16 different values in the kernel of the file, as the toolkit's guide counts them in the Keras model, and so a file that compresses well.
#
# What happens: the converter folds the normalisation, which multiplies each output channel by another number, so that every value appears in as many forms as
# there are channels; the int8 kernel has a scale for each channel, and more than 16 codes as well.
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
keras.utils.set_random_seed(1)
image = layers.Input((16, 16, 3), batch_size=1)
x = layers.Conv2D(32, 3, use_bias=False)(image)
model = keras.Model(image, layers.ReLU(6.0)(layers.BatchNormalization()(x)))
rng = np.random.default_rng(1)
model.layers[2].set_weights([rng.uniform(0.5, 1.5, 32) for _ in range(4)])
clustered = tfmot.clustering.keras.cluster_weights(
    model,
    number_of_clusters=16,
    cluster_centroids_init=tfmot.clustering.keras.CentroidInitialization.KMEANS_PLUS_PLUS,
)
stripped = tfmot.clustering.keras.strip_clustering(clustered)


def count(content):
    tree = schema.ModelT.InitFromObj(schema.Model.GetRootAsModel(content, 0))
    graph = tree.subgraphs[0]
    op = next(o for o in graph.operators if tree.operatorCodes[o.opcodeIndex].builtinCode == 3)
    kernel = graph.tensors[op.inputs[1]]
    kind = np.int8 if kernel.type == schema.TensorType.INT8 else np.float32
    return len(np.unique(np.frombuffer(bytes(bytearray(tree.buffers[kernel.buffer].data)), kind)))


converter = tf.lite.TFLiteConverter.from_keras_model(stripped)
plain = count(converter.convert())
converter.optimizations = [tf.lite.Optimize.DEFAULT]
converter.representative_dataset = lambda: (
    [rng.random((1, 16, 16, 3), np.float32)] for _ in range(20)
)
int8 = count(converter.convert())
in_keras = len(np.unique(stripped.layers[1].get_weights()[0]))
is_more = {"keras": in_keras, "float above 300": plain > 300, "int8 above 30": int8 > 30}
print(is_more, plain, int8, file=__import__("sys").stderr)
print(is_more)
EOF2

expect "$(python cluster.py 2>"$work/log" || cat "$work/log")" "{'keras': 16, 'float above 300': True, 'int8 above 30': True}"
tail -1 "$work/log"
