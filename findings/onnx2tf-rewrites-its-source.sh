#!/bin/sh
# Installs onnx2tf 1.29.24, the last release for Python 3.11, with its pinned packages (TensorFlow among them, 600 MB).
#
# onnx2tf converts an ONNX file into a folder: `onnx2tf -i net.onnx -o folder`. One would expect that it reads the file, works offline, and leaves the
# file as it was.
#
# What happens: it simplifies the graph and names its operators in place: net.onnx itself is written over, also when the conversion fails afterwards.
# And it downloads pictures from GitHub to check the conversion with; without a network it ends with a traceback and exit code 1, with the file already
# rewritten. A file of the expected name in the working directory is used instead of the download.
#
# Who is hurt: whoever keeps the file under a checksum or a signature, converts it twice from two processes, or works offline.
. "$(dirname "$0")/common.sh"

PYTHON=${PYTHON:-python3.11}
install onnx2tf==1.29.24

cat >"$work/net.py" <<'END'
import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

weights = numpy_helper.from_array(np.ones((4, 3, 3, 3), np.float32), "weights")
nodes = [helper.make_node("Conv", ["image", "weights"], ["y"]), helper.make_node("Identity", ["y"], ["z"]), helper.make_node("Relu", ["z"], ["out"])]
image = helper.make_tensor_value_info("image", TensorProto.FLOAT, [1, 3, 8, 8])
out = helper.make_tensor_value_info("out", TensorProto.FLOAT, [1, 4, 6, 6])
graph = helper.make_graph(nodes, "net", [image], [out], [weights])
onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8), "net.onnx")
np.save("pictures.npy", np.zeros((20, 128, 128, 3), np.float32))
END
python net.py
digest() { sha256sum "$work/net.onnx"; }
# No proxy answers on this port: the download fails on every machine.
convert() { (cd "$work" && https_proxy=http://127.0.0.1:9 PATH="$work/venv/bin:$PATH" onnx2tf -i net.onnx -o out >log 2>&1); }

before=$(digest)
code=0
convert || code=$?
same=rewritten
[ "$before" = "$(digest)" ] && same=unchanged
expect "without a network: exit code $code, the source is $same" "without a network: exit code 1, the source is rewritten"

python net.py
mv "$work/pictures.npy" "$work/calibration_image_sample_data_20x128x128x3_float32.npy"
code=0
convert || code=$?
same=rewritten
[ "$before" = "$(digest)" ] && same=unchanged
expect "with a file of pictures: exit code $code, the source is $same" "with a file of pictures: exit code 0, the source is rewritten"
