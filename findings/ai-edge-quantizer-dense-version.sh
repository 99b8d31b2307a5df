# ai-edge-quantizer 0.10.0: a quantised dense layer keeps the version of the float operator, and an older runtime computes it wrongly.
#
# Installs ai-edge-quantizer 0.10.0 and tflite-runtime 2.14.0; needs Python 3.11 (PYTHON=python3.11). The model is made here: one dense layer from
# 64 to 8 values, whose outputs have weights of different sizes. It is quantised with the library's recipe dynamic_wi8_afp32 (8-bit weights with
# a scale for each output, float input).
#
# One would expect that tflite-runtime 2.14, which has dense layers with one scale for all outputs only in this form, refuses the file: the
# schema has versions of operators for this, and TensorFlow's own converter writes FULLY_CONNECTED version 12.
#
# What happens: the library writes version 1, that of the float operator. tflite-runtime 2.14 loads the file and computes every output
# with a wrong scale; ai-edge-litert computes it rightly.
#
# Who is hurt: who quantises on a workstation for devices with tflite-runtime, where nothing fails and the results are nonsense.
. "$(dirname "$0")/common.sh"

install ai-edge-quantizer==0.10.0 ai-edge-litert==2.3.0 tflite-runtime==2.14.0 numpy==1.26.4 flatbuffers==25.12.19

cat > "$work/make.py" <<'EOF'
import flatbuffers
import numpy as np
from ai_edge_litert import schema_py_generated as schema
from ai_edge_quantizer import quantizer, recipe

FLOAT = schema.TensorType.FLOAT32


def add_tensor(model, graph, name, shape, values=None):
    model.buffers.append(schema.BufferT())
    if values is not None:
        model.buffers[-1].data = np.frombuffer(values.astype(np.float32).tobytes(), np.uint8)
    tensor = schema.TensorT()
    tensor.name, tensor.shape, tensor.type = name, np.array(shape, np.int32), FLOAT
    tensor.buffer = len(model.buffers) - 1
    graph.tensors.append(tensor)
    return len(graph.tensors) - 1


def named(name, index):
    one = schema.TensorMapT()
    one.name, one.tensorIndex = name, index
    return one


rng = np.random.default_rng(1)
weights = rng.normal(size=(8, 64)) * np.logspace(-2, 0, 8)[:, None]
model, graph = schema.ModelT(), schema.SubGraphT()
model.version, model.buffers, graph.tensors = 3, [schema.BufferT()], []
values = add_tensor(model, graph, "values", [1, 64])
constant = add_tensor(model, graph, "weights", [8, 64], weights)
outputs = add_tensor(model, graph, "outputs", [1, 8])
code, op = schema.OperatorCodeT(), schema.OperatorT()
code.builtinCode = code.deprecatedBuiltinCode = schema.BuiltinOperator.FULLY_CONNECTED
code.version = 1
op.inputs, op.outputs = [values, constant, -1], [outputs]
op.builtinOptionsType = schema.BuiltinOptions.FullyConnectedOptions
op.builtinOptions = schema.FullyConnectedOptionsT()
graph.operators, graph.inputs, graph.outputs = [op], [values], [outputs]
signature = schema.SignatureDefT()
signature.signatureKey, signature.subgraphIndex = "serving_default", 0
signature.inputs, signature.outputs = [named("values", values)], [named("outputs", outputs)]
model.operatorCodes, model.subgraphs, model.signatureDefs = [code], [graph], [signature]
builder = flatbuffers.Builder()
builder.Finish(model.Pack(builder), b"TFL3")

quantized = quantizer.Quantizer(bytes(builder.Output()), recipe.dynamic_wi8_afp32()).quantize(enable_progress_report=False)
with open("dense.tflite", "wb") as file:
    file.write(quantized.quantized_model)
tree = schema.Model.GetRootAsModel(quantized.quantized_model, 0)
print("FULLY_CONNECTED version", tree.OperatorCodes(0).Version())
np.savez("values.npz", values=rng.normal(size=(1, 64)).astype(np.float32), weights=weights)
EOF
cat > "$work/run.py" <<'EOF'
import sys

import numpy as np

if sys.argv[1] == "tflite":
    from tflite_runtime.interpreter import Interpreter
else:
    from ai_edge_litert.interpreter import Interpreter
held = np.load("values.npz")
interpreter = Interpreter(model_path="dense.tflite")
interpreter.allocate_tensors()
interpreter.set_tensor(interpreter.get_input_details()[0]["index"], held["values"])
interpreter.invoke()
found = interpreter.get_tensor(interpreter.get_output_details()[0]["index"])
exact = held["values"] @ held["weights"].T
error = np.linalg.norm(found - exact) / np.linalg.norm(exact)
print(sys.argv[1], "right" if error < 0.05 else "wrong")
EOF
seen=$(python make.py 2>/dev/null; python run.py litert 2>/dev/null; python run.py tflite 2>/dev/null)
expect "$(echo $seen)" "FULLY_CONNECTED version 1 litert right tflite wrong"
