# tflite-support 0.4.4: the task library reads any declared label file as plain lines, and never counts them.
#
# Installs tflite-support 0.4.4, whose metadata writer attaches a label list to a detector and whose ObjectDetector reads it, and
# libusb-package, which has the library that it links to. The detector is made here: its post-process operator has num_classes = 3
# and always reports class 1.
#
# One would expect that the library, whose documentation calls the file a label map, reads the label maps (.pbtxt) that the TensorFlow Object
# Detection API writes, or refuses them; that a list saved on Windows gives the same names; and that a list of another length than the
# operator's number of classes is refused when the model is opened.
#
# What happens: the writer and the library take all of them. A label map is read line by line, so that class 1 is called "  id: 1", its second
# line. Every name of a list with CRLF ends with a carriage return. Five names for three classes are taken; one name for three classes is, too, and
# the first picture with another class is an error. So a list that is too long or shifted never shows, and one that is too short shows in use.
#
# Who is hurt: who publishes a model whose names were right "in Google's own library", and who compares labels as text.
. "$(dirname "$0")/common.sh"

install tflite-support==0.4.4 libusb-package==1.0.30.0 flatbuffers==25.12.19 numpy==1.26.4
mkdir "$work/lib"
ln -s "$("$work/venv/bin/python" -c 'import libusb_package as p; print(p.get_library_path())')" "$work/lib/libusb-1.0.so.0"
export LD_LIBRARY_PATH="$work/lib"

cat > "$work/detector.py" <<'EOF'
import sys

import flatbuffers
import numpy as np
from flatbuffers import flexbuffers
from tflite_support import schema_py_generated as schema
from tflite_support.metadata_writers import object_detector
from tflite_support.task import vision

FLOAT, BYTE = schema.TensorType.FLOAT32, schema.TensorType.UINT8


def add_tensor(model, graph, name, shape, kind, values=None):
    model.buffers.append(schema.BufferT())
    if values is not None:
        model.buffers[-1].data = np.frombuffer(np.array(values, np.float32).tobytes(), np.uint8)
    tensor = schema.TensorT()
    tensor.name, tensor.shape, tensor.type = name, np.array(shape, np.int32), kind
    tensor.buffer = len(model.buffers) - 1
    graph.tensors.append(tensor)
    return len(graph.tensors) - 1


def pack_options():
    builder = flexbuffers.Builder()
    with builder.Map():
        for key in ("max_detections", "max_classes_per_detection"):
            builder.Int(key, 1)
        builder.Int("num_classes", 3)
        for key, value in {"nms_score_threshold": 0, "nms_iou_threshold": 0.6, "y_scale": 10, "x_scale": 10, "h_scale": 5, "w_scale": 5}.items():
            builder.Float(key, float(value))
    return np.frombuffer(bytes(builder.Finish()), np.uint8)


def make_model():
    model, graph = schema.ModelT(), schema.SubGraphT()
    model.version, model.buffers, graph.tensors = 3, [schema.BufferT()], []
    image = add_tensor(model, graph, "image", [1, 8, 8, 3], BYTE)
    inputs = [
        add_tensor(model, graph, "codes", [1, 1, 4], FLOAT, [0, 0, 0, 0]),
        add_tensor(model, graph, "scores", [1, 1, 4], FLOAT, [0, 0.1, 0.9, 0.2]),  # the background first
        add_tensor(model, graph, "anchors", [1, 4], FLOAT, [0.5, 0.5, 0.4, 0.4]),
    ]
    shapes = {"location": [1, 1, 4], "category": [1, 1], "score": [1, 1], "count": [1]}
    outputs = [add_tensor(model, graph, name, shape, FLOAT) for name, shape in shapes.items()]
    operator, code = schema.OperatorT(), schema.OperatorCodeT()
    operator.inputs, operator.outputs = np.array(inputs, np.int32), np.array(outputs, np.int32)
    operator.customOptions = pack_options()
    code.builtinCode = code.deprecatedBuiltinCode = schema.BuiltinOperator.CUSTOM
    code.customCode = "TFLite_Detection_PostProcess"
    model.operatorCodes, model.subgraphs, graph.operators = [code], [graph], [operator]
    graph.inputs, graph.outputs = np.array([image], np.int32), np.array(outputs, np.int32)
    builder = flatbuffers.Builder(1024)
    builder.Finish(model.Pack(builder), b"TFL3")
    return builder.Output()


def read_name(file, content):
    with open(file, "w", newline="") as labels:
        labels.write(content)
    writer = object_detector.MetadataWriter.create_for_inference(make_model(), [127.5], [127.5], [file])
    with open("labelled.tflite", "wb") as labelled:
        labelled.write(writer.populate())
    detector = vision.ObjectDetector.create_from_file("labelled.tflite")
    image = vision.TensorImage.create_from_array(np.zeros((8, 8, 3), np.uint8))
    try:
        return repr(detector.detect(image).detections[0].categories[0].category_name)
    except ValueError as error:
        return str(error)


print(read_name(sys.argv[1], sys.argv[2].encode().decode("unicode_escape")))
EOF

expect "$(python detector.py labels.txt 'cat\ndog\nfox\n' 2> /dev/null)" "'dog'"
expect "$(python detector.py labels.pbtxt 'item {\n  id: 1\n  name: "cat"\n}\nitem {\n  id: 2\n  name: "dog"\n}\n' 2> /dev/null)" "'  id: 1'"
expect "$(python detector.py labels.txt 'cat\r\ndog\r\nfox\r\n' 2> /dev/null)" "'dog\\r'"
expect "$(python detector.py labels.txt 'cat\ndog\nfox\nelk\nyak\n' 2> /dev/null)" "'dog'"
expect "$(python detector.py labels.txt 'cat\n' 2> /dev/null)" \
    "Label map does not contain enough elements: model returned class index 1 but label map only contains 1 elements."
