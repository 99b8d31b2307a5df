"""The bare interpreter, the benchmark's reference: ``python -m edged.bench.bare MODULE MODEL SECONDS``.

It imports no edged code: it loads the model, allocates, and invokes on the same tensor until the time is up. It prints a line after
the first result, and a line of JSON at the end.
"""

import importlib
import json
import resource
import sys
import time

import numpy as np

FIRST_RESULT_LINE = "first"


def main(module: str, model: str, seconds: float) -> None:
    """Measure one model on one runtime.

    Args:
        module: Python module with the class ``Interpreter``.
        model: path of the .tflite file.
        seconds: duration of the measurement, in seconds.
    """
    interpreter = importlib.import_module(module).Interpreter(model_path=model, num_threads=1)
    interpreter.allocate_tensors()
    tensor = interpreter.get_input_details()[0]
    interpreter.set_tensor(tensor["index"], np.zeros(tensor["shape"], tensor["dtype"]))
    interpreter.invoke()
    print(FIRST_RESULT_LINE, flush=True)
    invokes = 0
    wall_ns, cpu_ns = time.perf_counter_ns(), time.process_time_ns()
    end_ns = wall_ns + int(seconds * 1e9)
    while time.perf_counter_ns() < end_ns:
        interpreter.invoke()
        invokes += 1
    measured = {
        "invokes": invokes,
        "wall_s": (time.perf_counter_ns() - wall_ns) / 1e9,
        "cpu_s": (time.process_time_ns() - cpu_ns) / 1e9,
        "rss_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
    }
    print(json.dumps(measured), flush=True)


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], float(sys.argv[3]))
