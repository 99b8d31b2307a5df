"""On the workstation: makes the two models that a device needs to learn kinds of pictures by itself.

    make_head.py --out FOLDER [--backbone MODEL.tflite --tensor NAME] [--max-kinds N]

features.tflite sees (the bundled detector's backbone, or one's own); head.tflite learns, on the device.
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
    """Softmax regression: features -> kinds.

    The weights go in and out through `put` and `get`: the official way, `tf.raw_ops.Save` and `Restore`, becomes Flex
    operators, and the runtimes on a device have none.
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
        """One step of gradient descent on the cross-entropy; gives its mean before the step."""
        wanted = tf.one_hot(kinds, self.bias.shape[0])
        scores = tf.nn.softmax(x @ self.weights + self.bias)
        # The gradient of softmax with cross-entropy, by its logits.
        error = (scores - wanted) / BATCH_SIZE
        self.weights.assign_sub(rate * tf.matmul(x, error, transpose_a=True))
        self.bias.assign_sub(rate * tf.reduce_sum(error, axis=0))
        likelihood = tf.reduce_sum(scores * wanted, axis=1)
        return {"loss": -tf.reduce_mean(tf.math.log(likelihood + 1e-7))}

    def infer(self, x: tf.Tensor) -> dict[str, tf.Tensor]:
        """Scores of the kinds, their sum 1."""
        return {"scores": tf.nn.softmax(x @ self.weights + self.bias)}

    def get(self) -> dict[str, tf.Tensor]:
        """What has been learnt."""
        return {"weights": self.weights.read_value(), "bias": self.bias.read_value()}

    def put(self, weights: tf.Tensor, bias: tf.Tensor) -> dict[str, tf.Tensor]:
        """Go on from there; a signature must give something."""
        self.weights.assign(weights)
        self.bias.assign(bias)
        return {"done": tf.constant(1)}


def make_head(features: int, kinds: int, folder: Path) -> bytes:
    """The .tflite of a head; `folder` takes the SavedModel that it is converted from."""
    head = SoftmaxHead(features, kinds)
    tf.saved_model.save(head, str(folder), signatures=head.concrete_functions)
    converter = tf.lite.TFLiteConverter.from_saved_model(str(folder))
    converter.experimental_enable_resource_variables = True
    model: bytes = converter.convert()
    return model


def main(argv: list[str]) -> int:
    """Write both models; 1 and one line if that cannot be."""
    parser = argparse.ArgumentParser(description=__doc__, add_help=True)
    parser.add_argument("--out", type=Path, required=True, metavar="FOLDER")
    parser.add_argument("--backbone", type=Path, metavar="MODEL")
    parser.add_argument("--tensor", metavar="NAME", help="a part of its name; with --backbone")
    parser.add_argument(
        "--max-kinds", type=integer_in_range(min_value=2, max_value=1000), default=8, metavar="N"
    )
    args = parser.parse_args(argv)
    if (args.backbone is None) != (args.tensor is None):
        parser.error("--backbone and --tensor belong together")
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
