"""ONNX files, made in .venv-models-onnx from the text form of their graphs."""

import subprocess
from pathlib import Path

from edged_models.environments.environment import ONNX

_MAKE = '''
import numpy as np
import onnx
from onnx import numpy_helper, parser

HEAD = '<ir_version: 8, opset_import: ["" : 17]> net '
CLASSIFIER = """
    a = Conv <strides=[2, 2], pads=[1, 1, 1, 1]> (images, w1)
    b = BatchNormalization (a, scale, bias, mean, variance)
    c = Relu (b)
    d = Conv <strides=[2, 2], pads=[1, 1, 1, 1], group=8> (c, w2)
    e = HardSwish (d)
    f = GlobalAveragePool (e)
    g = Flatten (f)
    h = Gemm (g, w3)
    scores = Softmax (h)
}
"""
DETECTOR = """
    a = Conv <strides=[8, 8], pads=[1, 1, 1, 1], kernel_shape=[10, 10]> (images, w1)
    s = Sigmoid (a)
    fine = Mul (a, s)
    middle = Conv <strides=[2, 2], pads=[1, 1, 1, 1]> (fine, w2)
    coarse = Conv <strides=[2, 2], pads=[1, 1, 1, 1]> (middle, w2)
    raised = Resize <mode="nearest", coordinate_transformation_mode="asymmetric", nearest_mode="floor"> (middle, , scales)
    both = Concat <axis=1> (fine, raised)
    p8 = Conv (both, w3)
    p16 = Conv (middle, w4)
    p32 = Conv (coarse, w4)
    c8 = Reshape (p8, cells)
    c16 = Reshape (p16, cells)
    c32 = Reshape (p32, cells)
    d = Concat <axis=2> (c8, c16, c32)
    centre, size, score = Split <axis=1> (d, parts)
    e = Exp (size)
    boxes = Concat <axis=1> (centre, e)
    pixels = Mul (boxes, four)
    probabilities = Sigmoid (score)
    detections = Concat <axis=1> (pixels, probabilities)
}
"""
TWO = """
    a = Conv <strides=[2, 2], pads=[1, 1, 1, 1]> (images, w1)
    b = LeakyRelu (a)
    c = Reshape (b, groups)
    d = Transpose <perm=[0, 2, 1, 3, 4]> (c)
    e = Reshape (d, whole)
    zebra = DepthToSpace <blocksize=2, mode="CRD"> (e)
    f = Transpose <perm=[0, 2, 3, 1]> (e)
    apple = Reshape (f, rows)
}
"""
rng = np.random.default_rng(3)
ONES = np.ones(8, np.float32)


def weights(*shape):
    return rng.normal(0, 0.4, shape).astype(np.float32)


def write(name, signature, text, constants):
    model = parser.parse_model(f"{HEAD} {signature} {{{text}")
    for key, value in constants.items():
        model.graph.initializer.append(numpy_helper.from_array(np.asarray(value), key))
    onnx.checker.check_model(model, full_check=True)
    onnx.save(model, f"{name}.onnx")


constants = dict(
    w1=weights(8, 3, 3, 3), w2=weights(8, 1, 3, 3), w3=8 * weights(8, 5), scale=ONES, bias=ONES / 8, mean=ONES / 16, variance=ONES / 2
)
write("classifier", "(float[1, 3, 32, 32] images) => (float[1, 5] scores)", CLASSIFIER, constants)
write("variable", "(float[N, 3, H, W] images) => (float[N, 5] scores)", CLASSIFIER, constants)
write(
    "detector", "(float[1, 3, 32, 32] images) => (float[1, 7, 21] detections)", DETECTOR,
    dict(
        w1=weights(8, 3, 10, 10) / 4, w2=weights(8, 8, 3, 3) / 4, w3=weights(7, 16, 1, 1), w4=weights(7, 8, 1, 1), scales=np.float32([1, 1, 2, 2]),
        cells=np.array([1, 7, -1]), parts=np.array([2, 2, 3]), four=np.float32([4]),
    ),
)
write(
    "two", "(float[1, 3, 32, 32] images) => (float[1, 2, 32, 32] zebra, float[1, 512, 4] apple)", TWO,
    dict(w1=weights(8, 3, 3, 3), groups=np.array([1, 2, 4, 16, 16]), whole=np.array([1, 8, 16, 16]), rows=np.array([1, -1, 4])),
)
write("sum", "(float[1, 3, 32, 32] images, float[1, 3, 32, 32] more) => (float[1, 3, 32, 32] both)", "both = Add (images, more)}", {})
'''


def write_graphs(folder: Path) -> None:
    """Write classifier, detector, two (outputs) and sum (two inputs) into a folder."""
    (folder / "make.py").write_text(_MAKE)
    subprocess.run([ONNX.python, "make.py"], cwd=folder, check=True, capture_output=True)
