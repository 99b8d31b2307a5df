"""Makes, on a workstation, the two models with which a device learns to classify pictures.

    make_head.py --out FOLDER [--backbone MODEL.tflite --tensor NAME] [--max-kinds N]

features.tflite computes features (the bundled detector's backbone, or another one); head.tflite is trained on the device.
"""

import argparse
import sys
import tempfile
from pathlib import Path

from truncate_model import truncate_model

from edged import bundled
from edged.errors import EdgedError
from edged.interpreters.tflite import LiteRtInterpreter
from edged.terminal.numbers import integer_in_range
from edged_models.errors import SourceError
from edged_models.files import write_bytes
from edged_models.tensorflow import tf

BATCH_SIZE = 32
_BUNDLED_TENSOR = "stage32b_sum"


class SoftmaxHead(tf.Module):
    """Softmax regression from features to kinds.

    The weights are read and written through `get` and `put`: the official `tf.raw_ops.Save` and `Restore` become Flex operators,
    which the runtimes on a device lack.
    """

    def __init__(self, features: int, kinds: int) -> None:
        super().__init__()
        self.weights = tf.Variable(tf.zeros((features, kinds)))
        self.bias = tf.Variable(tf.zeros((kinds,)))
        vector, scalar = (BATCH_SIZE, features), ()
        self.concrete_functions = {
            "train": _signature(
                self.train,
                x=tf.TensorSpec(vector, tf.float32),
                kinds=tf.TensorSpec((BATCH_SIZE,), tf.int32),
                rate=tf.TensorSpec(scalar, tf.float32),
            ),
            "infer": _signature(self.infer, x=tf.TensorSpec((1, features), tf.float32)),
            "get": _signature(self.get),
            "put": _signature(
                self.put,
                weights=tf.TensorSpec((features, kinds), tf.float32),
                bias=tf.TensorSpec((kinds,), tf.float32),
            ),
        }

    def train(self, x: tf.Tensor, kinds: tf.Tensor, rate: tf.Tensor) -> dict[str, tf.Tensor]:
        """Do one step of gradient descent on the cross-entropy, and return its mean before the step.

        Args:
            x: (B, C) float32, features.
            kinds: (B,) int32, the true kinds.
            rate: scalar float32, the learning rate.
        """
        expected = tf.one_hot(kinds, self.bias.shape[0])
        scores = tf.nn.softmax(x @ self.weights + self.bias)
        # The gradient of the cross-entropy of softmax with respect to the logits.
        error = (scores - expected) / BATCH_SIZE
        self.weights.assign_sub(rate * tf.matmul(x, error, transpose_a=True))
        self.bias.assign_sub(rate * tf.reduce_sum(error, axis=0))
        likelihood = tf.reduce_sum(scores * expected, axis=1)
        return {"loss": -tf.reduce_mean(tf.math.log(likelihood + 1e-7))}

    def infer(self, x: tf.Tensor) -> dict[str, tf.Tensor]:
        """Return the score of each kind; their sum is 1."""
        return {"scores": tf.nn.softmax(x @ self.weights + self.bias)}

    def get(self) -> dict[str, tf.Tensor]:
        """Return the weights."""
        return {"weights": self.weights.read_value(), "bias": self.bias.read_value()}

    def put(self, weights: tf.Tensor, bias: tf.Tensor) -> dict[str, tf.Tensor]:
        """Set the weights; the result is there because a signature must return something."""
        self.weights.assign(weights)
        self.bias.assign(bias)
        return {"done": tf.constant(1)}


def make_head(features: int, kinds: int, folder: Path) -> bytes:
    """Return a head as .tflite.

    Args:
        features: number of features.
        kinds: number of kinds.
        folder: an empty folder for the SavedModel from which it is converted.
    """
    head = SoftmaxHead(features, kinds)
    tf.saved_model.save(head, str(folder), signatures=head.concrete_functions)
    converter = tf.lite.TFLiteConverter.from_saved_model(str(folder))
    converter.experimental_enable_resource_variables = True
    model: bytes = converter.convert()
    return model


def main(argv: list[str]) -> int:
    """Write both models; print one line and return 1 on an error."""
    parser = argparse.ArgumentParser(description=__doc__, add_help=True)
    parser.add_argument("--out", type=Path, required=True, metavar="FOLDER")
    parser.add_argument("--backbone", type=Path, metavar="MODEL")
    parser.add_argument(
        "--tensor", metavar="NAME", help="part of the name of the backbone's output"
    )
    parser.add_argument(
        "--max-kinds", type=integer_in_range(min_value=2, max_value=1000), default=8, metavar="N"
    )
    args = parser.parse_args(argv)
    if (args.backbone is None) != (args.tensor is None):
        parser.error("give both --backbone and --tensor, or neither")
    try:
        _write_models(args.backbone or bundled.model_path(), args.tensor or _BUNDLED_TENSOR, args)
    except EdgedError as error:
        print(f"make_head: {error}", file=sys.stderr)
        return 1
    return 0


def _write_models(backbone: Path, tensor: str, args: argparse.Namespace) -> None:
    features, head = args.out / "features.tflite", args.out / "head.tflite"
    try:
        content = backbone.read_bytes()
    except OSError as error:
        raise SourceError(f"cannot read {backbone}: {error.strerror}") from error
    write_bytes(features, truncate_model(content, tensor))
    depth = LiteRtInterpreter(features).signature.outputs[0].shape[-1]
    with tempfile.TemporaryDirectory() as folder:
        write_bytes(head, make_head(depth, args.max_kinds, Path(folder)))
    print(f"{features}\n{head}: {depth} features, at most {args.max_kinds} kinds")


def _signature(function: object, **inputs: tf.TensorSpec) -> object:
    return tf.function(function).get_concrete_function(**inputs)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
