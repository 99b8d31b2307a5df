"""The child process that measures peak memory.

``python -m edged_models.compression.peak_memory RUNTIME [MODEL]`` prints KiB. A model is loaded and invoked; without one, the
result is the base to subtract.
"""

import importlib
import sys
from pathlib import Path

import numpy as np

from edged.config.settings import ModelSettings
from edged.model.load import load_model

_MODULES = {"litert": "ai_edge_litert.interpreter", "tflite": "tflite_runtime.interpreter"}


def read_peak_kib() -> int:
    """Return the peak memory of this process. getrusage would include the parent's memory from before exec."""
    status = Path("/proc/self/status").read_text(encoding="ascii")
    (line,) = (line for line in status.splitlines() if line.startswith("VmHWM:"))
    return int(line.split()[1])


def main(runtime: str, model: str | None = None) -> None:
    """Load and invoke the model, if there is one, and print the peak memory.

    Args:
        runtime: name in `edged.registry.INTERPRETERS`.
        model: path of the .tflite; None to measure the bare process.

    Raises:
        ModelError: the model cannot be loaded.
    """
    importlib.import_module(_MODULES[runtime])
    if model:
        loaded = load_model(ModelSettings(path=Path(model), runtime=runtime, threads=1))
        spec = loaded.interpreter.signature.inputs[0]
        loaded.interpreter.invoke(np.zeros(spec.shape, spec.dtype))
    print(read_peak_kib())


if __name__ == "__main__":
    main(*sys.argv[1:])
