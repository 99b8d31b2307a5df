"""The bare interpreter, the benchmark's reference: ``python -m edged.bench.bare MODULE MODEL SECONDS THREADS``.

It imports no edged code: it loads the model, allocates, and invokes on the same tensor until the time is up. It prints a line after
the first result, and a line of JSON at the end.
"""

import importlib
import json
import statistics
import sys
import time
from pathlib import Path

import numpy as np

FIRST_RESULT_LINE = "first"


def main(module: str, model: str, seconds: float, threads: int) -> None:
    """Measure one model on one runtime.

    Args:
        module: Python module with the class ``Interpreter``.
        model: path of the .tflite file.
        seconds: duration of the measurement, in seconds.
        threads: number of CPU threads of the interpreter.
    """
    interpreter = importlib.import_module(module).Interpreter(model_path=model, num_threads=threads)
    interpreter.allocate_tensors()
    tensor = interpreter.get_input_details()[0]
    interpreter.set_tensor(tensor["index"], np.zeros(tensor["shape"], tensor["dtype"]))
    interpreter.invoke()
    print(FIRST_RESULT_LINE, flush=True)
    durations_ns = []
    wall_ns, cpu_ns = time.perf_counter_ns(), time.process_time_ns()
    end_ns = wall_ns + int(seconds * 1e9)
    now_ns = wall_ns
    while now_ns < end_ns:
        before_ns = now_ns
        interpreter.invoke()
        now_ns = time.perf_counter_ns()
        durations_ns.append(now_ns - before_ns)
    measured = {
        "frames": len(durations_ns),
        "wall_s": (now_ns - wall_ns) / 1e9,
        "invoke_s": statistics.median(durations_ns) / 1e9,
        "cpu_s": (time.process_time_ns() - cpu_ns) / 1e9,
        "input_shape": [int(side) for side in tensor["shape"]],
        "output_count": len(interpreter.get_output_details()),
        "rollup": Path("/proc/self/smaps_rollup").read_text(),
    }
    print(json.dumps(measured), flush=True)


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], float(sys.argv[3]), int(sys.argv[4]))
