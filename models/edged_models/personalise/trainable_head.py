"""The layer that a device trains: softmax regression with the signatures ``train``, ``infer``, ``get`` and ``put``."""

import tempfile

from edged_models.tensorflow import tf

BATCH_SIZE = 32
"""Samples of one step of training."""


class SoftmaxHead(tf.Module):
    """Softmax regression from features to classes.

    The weights are read and written through `get` and `put`: the official `tf.raw_ops.Save` and `Restore` become Flex operators,
    which the runtimes on a device lack.
    """

    def __init__(self, features: int, classes: int) -> None:
        super().__init__()
        self.weights = tf.Variable(tf.zeros((features, classes)))
        self.bias = tf.Variable(tf.zeros((classes,)))
        batch, matrix = (BATCH_SIZE, features), (features, classes)
        self.concrete_functions = {
            "train": _signature(
                self.train,
                x=tf.TensorSpec(batch, tf.float32),
                classes=tf.TensorSpec((BATCH_SIZE,), tf.int32),
                rate=tf.TensorSpec((), tf.float32),
            ),
            "infer": _signature(self.infer, x=tf.TensorSpec((1, features), tf.float32)),
            "get": _signature(self.get),
            "put": _signature(
                self.put,
                weights=tf.TensorSpec(matrix, tf.float32),
                bias=tf.TensorSpec((classes,), tf.float32),
            ),
        }

    def train(self, x: tf.Tensor, classes: tf.Tensor, rate: tf.Tensor) -> dict[str, tf.Tensor]:
        """Do one step of gradient descent on the cross-entropy, and return its mean before the step.

        Args:
            x: (B, C) float32, features.
            classes: (B,) int32, the true classes.
            rate: scalar float32, the learning rate.
        """
        expected = tf.one_hot(classes, self.bias.shape[0])
        scores = tf.nn.softmax(x @ self.weights + self.bias)
        # The gradient of the cross-entropy of softmax with respect to the logits.
        error = (scores - expected) / BATCH_SIZE
        self.weights.assign_sub(rate * tf.matmul(x, error, transpose_a=True))
        self.bias.assign_sub(rate * tf.reduce_sum(error, axis=0))
        likelihood = tf.reduce_sum(scores * expected, axis=1)
        return {"loss": -tf.reduce_mean(tf.math.log(likelihood + 1e-7))}

    def infer(self, x: tf.Tensor) -> dict[str, tf.Tensor]:
        """Return the score of each class, (1, K) float32; their sum is 1."""
        return {"scores": tf.nn.softmax(x @ self.weights + self.bias)}

    def get(self) -> dict[str, tf.Tensor]:
        """Return the weights."""
        return {"weights": self.weights.read_value(), "bias": self.bias.read_value()}

    def put(self, weights: tf.Tensor, bias: tf.Tensor) -> dict[str, tf.Tensor]:
        """Set the weights; the result is there because a signature must return something."""
        self.weights.assign(weights)
        self.bias.assign(bias)
        return {"done": tf.constant(1)}


def make_head(features: int, classes: int) -> bytes:
    """Return a head as .tflite.

    Args:
        features: number of features.
        classes: number of classes.
    """
    head = SoftmaxHead(features, classes)
    with tempfile.TemporaryDirectory(prefix="edged-models-") as folder:
        tf.saved_model.save(head, folder, signatures=head.concrete_functions)
        converter = tf.lite.TFLiteConverter.from_saved_model(folder)
        converter.experimental_enable_resource_variables = True
        model: bytes = converter.convert()
    return model


def _signature(function: object, **inputs: tf.TensorSpec) -> object:
    return tf.function(function).get_concrete_function(**inputs)
