"""The most memory that a process ever had. ``python -m edged_models.compression.peak_memory RUNTIME [MODEL]`` prints KiB.

With a model it is loaded and invoked; without, the process is the same but for that.
"""

import importlib
import sys
from pathlib import Path

import numpy as np

from edged.config.settings import ModelSettings
from edged.model.load import load_model

_MODULES = {"litert": "ai_edge_litert.interpreter", "tflite": "tflite_runtime.interpreter"}


def read_peak_kib() -> int:
    """Of this process's memory; getrusage would count the parent's too, from before the program was started."""
    status = Path("/proc/self/status").read_text(encoding="ascii")
    (line,) = (line for line in status.splitlines() if line.startswith("VmHWM:"))
    return int(line.split()[1])


def main(runtime: str, model: str | None = None) -> None:
    """The child."""
    importlib.import_module(_MODULES[runtime])
    if model:
        loaded = load_model(ModelSettings(path=Path(model), runtime=runtime, threads=1))
        spec = loaded.interpreter.signature.inputs[0]
        loaded.interpreter.invoke(np.zeros(spec.shape, spec.dtype))
    print(read_peak_kib())


if __name__ == "__main__":
    main(*sys.argv[1:])
