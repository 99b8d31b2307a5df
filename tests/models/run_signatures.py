"""Running of a .tflite by its signatures, on either runtime."""

from typing import Any

import numpy as np
from ai_edge_litert.interpreter import Interpreter as LiteRtInterpreter
from numpy.typing import NDArray
from tflite_runtime.interpreter import Interpreter as TfliteInterpreter

INTERPRETERS = {"litert": LiteRtInterpreter, "tflite": TfliteInterpreter}


def load(model: bytes, runtime: str = "litert") -> Any:
    """Return an interpreter of a runtime, ready to run."""
    interpreter = INTERPRETERS[runtime](model_content=model)
    interpreter.allocate_tensors()
    return interpreter


def run_first_graph(
    model: bytes, tensor: NDArray[np.generic], runtime: str = "litert"
) -> list[NDArray[np.generic]]:
    """Run the graph that a runtime without signatures runs, and return its outputs in the file's order."""
    interpreter = load(model, runtime)
    interpreter.set_tensor(interpreter.get_input_details()[0]["index"], tensor)
    interpreter.invoke()
    return [interpreter.get_tensor(one["index"]) for one in interpreter.get_output_details()]
