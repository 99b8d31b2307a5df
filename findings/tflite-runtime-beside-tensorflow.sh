# tflite-runtime 2.14.0 in a process that has imported TensorFlow 2.19.1 computes with TensorFlow's kernels.
#
# Installs both from PyPI; needs Python 3.11 (PYTHON=python3.11) and 2 GB. The model is made here: a dense layer that TensorFlow's converter
# quantises with Optimize.DEFAULT, which gives FULLY_CONNECTED version 12. tflite-runtime 2.14 knows no version above 11.
#
# One would expect that tflite_runtime.interpreter.Interpreter refuses the model, whatever else was imported: it is a package with native
# code of its own.
#
# What happens: alone, and if TensorFlow is imported after it, it refuses the model. If TensorFlow is imported first, it runs it: the dynamic linker
# takes the kernels of the library that was loaded first.
#
# Who is hurt: who tests a model for a device with tflite-runtime in the process that has converted it. The test passes, and the device refuses
# the model or computes something else.
. "$(dirname "$0")/common.sh"

install tensorflow-cpu==2.19.1 tflite-runtime==2.14.0 numpy==1.26.4

cat > "$work/make.py" <<'EOF'
import tensorflow as tf

weights = tf.Variable(tf.random.normal((256, 64), seed=1))


@tf.function(input_signature=[tf.TensorSpec([1, 256], tf.float32)])
def dense(values):
    return tf.matmul(values, weights)


module = tf.Module()
module.weights = weights
converter = tf.lite.TFLiteConverter.from_concrete_functions([dense.get_concrete_function()], module)
converter.optimizations = [tf.lite.Optimize.DEFAULT]
with open("dense.tflite", "wb") as file:
    file.write(converter.convert())
EOF
cat > "$work/run.py" <<'EOF'
import sys

order = sys.argv[1:]
if order[0] == "tensorflow":
    import tensorflow
from tflite_runtime.interpreter import Interpreter

if order[-1] == "tensorflow":
    import tensorflow
try:
    Interpreter(model_path="dense.tflite").allocate_tensors()
    print("runs")
except (RuntimeError, ValueError) as error:
    print("refuses" if "version '12'" in str(error) else error)
EOF
python make.py >/dev/null 2>&1
seen="alone: $(python run.py tflite 2>/dev/null); TensorFlow after: $(python run.py tflite tensorflow 2>/dev/null); TensorFlow before: $(python run.py tensorflow tflite 2>/dev/null)"
expect "$seen" "alone: refuses; TensorFlow after: refuses; TensorFlow before: runs"
