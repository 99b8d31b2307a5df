# ai-edge-litert 2.3.0: the count of the detection post-process is not the number of valid rows, and some rows are never written.
#
# Installs ai-edge-litert 2.3.0, the successor of tflite-runtime, whose TFLite_Detection_PostProcess ends nearly every SSD. The model is made
# here: two anchors far apart, two classes, max_classes_per_detection = 3, max_detections = 2, the operator's default ("fast") suppression.
#
# One would expect, by the documented outputs "num_detections" and boxes, classes and scores "of the detections", that the first
# num_detections rows are the detections, best first.
#
# What happens: num_detections is 2, the number of anchors, but four rows are valid: 0, 1, 3 and 4 of the six. They are grouped by anchor: scores
# 0.9, 0.3 of one anchor, then 0.8, 0.4 of the other, so that the first num_detections rows have one object twice and miss the other. Rows 2 and 5
# are for a third class that the model does not have: they keep what the memory held before, here the byte with which the C library was told
# to fill it. With two classes and max_classes_per_detection = 1, count and rows agree, which is what all published examples have.
#
# Who is hurt: who sets max_classes_per_detection, reads the first num_detections rows as every example does, and loses objects without an
# error; and who compares the raw outputs of two runs, which differ although the detections are the same.
. "$(dirname "$0")/common.sh"

install ai-edge-litert==2.3.0 flatbuffers==25.12.19 numpy==2.4.6

cat > "$work/rows.py" <<'EOF'
import ctypes
import sys

import flatbuffers
import numpy as np
from ai_edge_litert import schema_py_generated as schema
from ai_edge_litert.interpreter import Interpreter
from flatbuffers import flexbuffers

FLOAT = schema.TensorType.FLOAT32
FILL, PERTURB = 0x7F, -6  # mallopt's M_PERTURB fills new memory with the complement of a byte


def add_tensor(model, graph, name, shape, values=None):
    model.buffers.append(schema.BufferT())
    if values is not None:
        model.buffers[-1].data = np.frombuffer(np.array(values, np.float32).tobytes(), np.uint8)
    tensor = schema.TensorT()
    tensor.name, tensor.shape, tensor.type = name, np.array(shape, np.int32), FLOAT
    tensor.buffer = len(model.buffers) - 1
    graph.tensors.append(tensor)
    return len(graph.tensors) - 1


def pack_options(rows_per_anchor):
    builder = flexbuffers.Builder()
    with builder.Map():
        for key, value in {"max_detections": 2, "max_classes_per_detection": rows_per_anchor, "num_classes": 2}.items():
            builder.Int(key, value)
        for key, value in {"nms_score_threshold": 0, "nms_iou_threshold": 0.6, "y_scale": 10, "x_scale": 10, "h_scale": 5, "w_scale": 5}.items():
            builder.Float(key, float(value))
    return np.frombuffer(bytes(builder.Finish()), np.uint8)


def make_model(rows_per_anchor):
    model, graph = schema.ModelT(), schema.SubGraphT()
    model.version, model.buffers, graph.tensors = 3, [schema.BufferT()], []
    codes = add_tensor(model, graph, "codes", [1, 2, 4])
    scores = add_tensor(model, graph, "scores", [1, 2, 3], [0, 0.9, 0.3, 0, 0.4, 0.8])  # the background first
    anchors = add_tensor(model, graph, "anchors", [2, 4], [0.2, 0.2, 0.2, 0.2, 0.8, 0.8, 0.2, 0.2])
    rows = 2 * rows_per_anchor
    shapes = {"boxes": [1, rows, 4], "classes": [1, rows], "scores": [1, rows], "count": [1]}
    outputs = [add_tensor(model, graph, name, shape) for name, shape in shapes.items()]
    operator, code = schema.OperatorT(), schema.OperatorCodeT()
    operator.inputs, operator.outputs = np.array([codes, scores, anchors], np.int32), np.array(outputs, np.int32)
    operator.customOptions = pack_options(rows_per_anchor)
    code.builtinCode = code.deprecatedBuiltinCode = schema.BuiltinOperator.CUSTOM
    code.customCode = "TFLite_Detection_PostProcess"
    model.operatorCodes, model.subgraphs, graph.operators = [code], [graph], [operator]
    graph.inputs, graph.outputs = np.array([codes], np.int32), np.array(outputs, np.int32)
    builder = flatbuffers.Builder(1024)
    builder.Finish(model.Pack(builder), b"TFL3")
    return bytes(builder.Output())


content = make_model(int(sys.argv[1]))
ctypes.CDLL(None).mallopt(PERTURB, FILL ^ 0xFF)
interpreter = Interpreter(model_content=content)
interpreter.allocate_tensors()
interpreter.set_tensor(interpreter.get_input_details()[0]["index"], np.zeros((1, 2, 4), np.float32))
interpreter.invoke()
_, _, scores, count = (interpreter.get_tensor(one["index"]) for one in interpreter.get_output_details())
unwritten = np.frombuffer(bytes([FILL] * 4), np.float32)[0]
print(int(count[0]), *("unwritten" if score == unwritten else f"{score:.1f}" for score in scores[0]))
EOF

expect "$(python rows.py 1 2> /dev/null)" "2 0.9 0.8"
expect "$(python rows.py 3 2> /dev/null)" "2 0.9 0.3 unwritten 0.8 0.4 unwritten"
