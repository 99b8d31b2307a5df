# ai-edge-litert 2.3.0: with two threads, the detection post-process answers the same picture differently from one invocation to the next.
#
# Installs ai-edge-litert 2.3.0, the successor of tflite-runtime, and runs a quantised SSD that ends in TFLite_Detection_PostProcess (the bundled model of
# this repository) on one generated picture of waves, again and again.
#
# One would expect the same bytes each time, as with one thread: the graph is all integers, and only the last operator computes in float.
#
# What happens: with num_threads = 1 all answers are equal. With num_threads = 2 there are several: quantised scores are often equal, and the operator
# puts boxes of equal scores into another order, so that rows change places, and of boxes that overlap now the one and now the other stays.
# The scores themselves are the same in every answer.
#
# Who is hurt: who compares raw outputs of two runs (of two builds, two loads, a reference) on more than one thread.
. "$(dirname "$0")/common.sh"

install ai-edge-litert==2.3.0 numpy==2.4.6

model=$(cd "$(dirname "$0")/../models/bundled" && pwd)/marks.tflite
cat > "$work/order.py" <<'EOF'
import sys

import numpy as np
from ai_edge_litert.interpreter import Interpreter


def answers(path, threads, count):
    """Return the different answers to one picture, and the different lists of scores."""
    interpreter = Interpreter(model_path=path, num_threads=threads)
    interpreter.allocate_tensors()
    tensor = interpreter.get_input_details()[0]
    y, x = np.mgrid[: tensor["shape"][1], : tensor["shape"][2]].astype(np.float32)
    waves = 127 + 100 * np.sin(x * x / 640) * np.sin(y * y / 850 + x / 20)
    picture = np.stack([waves, x % 256, y % 256], axis=-1).astype(np.uint8)[None]
    raw, scores = set(), set()
    for _ in range(count):
        interpreter.set_tensor(tensor["index"], picture.view(tensor["dtype"]))
        interpreter.invoke()
        outputs = [interpreter.get_tensor(one["index"]) for one in interpreter.get_output_details()]
        raw.add(b"".join(one.tobytes() for one in outputs))
        scores.add(np.sort(outputs[2].ravel()).tobytes())
    return len(raw), len(scores)


different, score_lists = answers(sys.argv[2], int(sys.argv[1]), 300)
print("several" if different > 1 else "one", "with", "several" if score_lists > 1 else "one", "list of scores")
EOF

expect "$(python order.py 1 "$model" 2> /dev/null)" "one with one list of scores"
expect "$(python order.py 2 "$model" 2> /dev/null)" "several with one list of scores"
