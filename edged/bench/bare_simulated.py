"""The simulated interpreter alone: ``python -m edged.bench.bare_simulated MODEL SECONDS FRAMES``; it prints a line of JSON at the end."""

import json
import sys
import time
from pathlib import Path

import cv2
import numpy as np

from edged.interpreters.simulated import HEIGHT_PX, WIDTH_PX, SimulatedInterpreter


def main(model: Path, seconds: float, frames: Path) -> None:
    """Invoke a simulated model on the same frames as the daemon's, prepared beforehand.

    Args:
        model: the simulated model.
        seconds: duration of the measurement, in seconds.
        frames: a .npy file, (N, height, width, 3) uint8 BGR.
    """
    interpreter = SimulatedInterpreter(model)
    inputs = [
        np.ascontiguousarray(cv2.resize(frame, (WIDTH_PX, HEIGHT_PX))[None, :, :, ::-1])
        for frame in np.load(frames)
    ]
    invokes = 0
    began_ns, cpu_ns = time.perf_counter_ns(), time.process_time_ns()
    end_ns = began_ns + int(seconds * 1e9)
    while time.perf_counter_ns() < end_ns:
        interpreter.invoke(inputs[invokes % len(inputs)])
        invokes += 1
    measured = {
        "frames": invokes,
        "wall_s": (time.perf_counter_ns() - began_ns) / 1e9,
        "cpu_s": (time.process_time_ns() - cpu_ns) / 1e9,
    }
    print(json.dumps(measured), flush=True)


if __name__ == "__main__":
    main(Path(sys.argv[1]), float(sys.argv[2]), Path(sys.argv[3]))
