# TensorFlow 2.19.1: the converter ignores the order of `signature_keys`; the first graph of the .tflite is that of the first name in the alphabet.
#
# Installs tensorflow-cpu 2.19.1 and ai-edge-litert 2.3.0, saves a module with the functions infer, get and put, and converts it with
# signature_keys=["infer", "put", "get"].
#
# One would expect the order that was asked for, so that a program without signatures (`invoke()` after `set_tensor`, which is nearly every program)
# runs infer.
#
# What happens: the graphs are get, infer, put. `Interpreter.get_input_details()` has no input at all, and `invoke()` returns the weights. With
# other names the first graph is another one, so that renaming a function changes what the file does.
#
# Who is hurt: who adds a signature to a model in use, as for training on the device: the program that only runs it, runs another graph.
. "$(dirname "$0")/common.sh"

install tensorflow-cpu==2.19.1 ai-edge-litert==2.3.0

cat > "$work/convert.py" <<'END'
import os

os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
import tensorflow as tf
from ai_edge_litert.interpreter import Interpreter


class Net(tf.Module):
    def __init__(self):
        super().__init__()
        self.weights = tf.Variable(tf.ones((3, 2)))

    @tf.function(input_signature=[tf.TensorSpec([1, 3], tf.float32)])
    def infer(self, image):
        return {"scores": image @ self.weights}

    @tf.function(input_signature=[])
    def get(self):
        return {"weights": self.weights.read_value()}

    @tf.function(input_signature=[tf.TensorSpec([3, 2], tf.float32)])
    def put(self, weights):
        self.weights.assign(weights)
        return {"done": tf.constant(1)}


net = Net()
order = ["infer", "put", "get"]
tf.saved_model.save(net, "saved", signatures={name: getattr(net, name) for name in order})
model = tf.lite.TFLiteConverter.from_saved_model("saved", signature_keys=order).convert()
interpreter = Interpreter(model_content=model)
inputs = [one["name"] for one in interpreter.get_input_details()]
outputs = [one["shape"].tolist() for one in interpreter.get_output_details()]
print(f"asked for {', '.join(order)}; listed {', '.join(interpreter.get_signature_list())}")
print(f"the first graph has {len(inputs)} inputs and the outputs {outputs}")
END

seen=$(python convert.py 2>"$work/errors") || { cat "$work/errors" >&2; exit 1; }
expect "$seen" "asked for infer, put, get; listed get, infer, put
the first graph has 0 inputs and the outputs [[3, 2]]"
