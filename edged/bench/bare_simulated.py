"""The simulated interpreter alone: ``python -m edged.bench.bare_simulated MODEL SECONDS``; it prints a line of JSON at the end."""

import json
import sys
import time
from pathlib import Path

import numpy as np

from edged.interpreters.simulated import HEIGHT_PX, WIDTH_PX, SimulatedInterpreter


def main(model: Path, seconds: float) -> None:
    """Invoke a simulated model on the same grey picture for `seconds` seconds."""
    interpreter = SimulatedInterpreter(model)
    picture = np.full((1, HEIGHT_PX, WIDTH_PX, 3), 128, np.uint8)
    invokes = 0
    began_ns = time.perf_counter_ns()
    end_ns = began_ns + int(seconds * 1e9)
    while time.perf_counter_ns() < end_ns:
        interpreter.invoke(picture)
        invokes += 1
    wall_s = (time.perf_counter_ns() - began_ns) / 1e9
    print(json.dumps({"frames": invokes, "wall_s": wall_s}), flush=True)


if __name__ == "__main__":
    main(Path(sys.argv[1]), float(sys.argv[2]))
