"""The child's side of the exchange with `edged_models.environments.framework_process`: one JSON object a line.

Only the standard library and NumPy: this runs in another environment than the rest of the toolchain.
"""

import json
import os
import shutil
import sys
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any, Protocol

import numpy as np

MODEL_FILE = "model.tflite"


class RefusedError(Exception):
    """The source cannot be converted or run; the message is for the user."""


class ServedModel(Protocol):
    """A model of the framework."""

    def convert(self, out: Path) -> dict[str, Any]:
        """Write a float32 .tflite, and return fields of the answer."""

    def run(self, tensor: np.ndarray) -> list[np.ndarray]:
        """Run the model.

        Args:
            tensor: the .tflite's input, as (1, H, W, C) float32.

        Returns:
            The outputs, of any shape and float32, in the order and layout of the .tflite's.
        """


def serve(open_model: Callable[[dict[str, Any]], ServedModel]) -> None:
    """Answer requests until the parent closes standard input; then remove the folder, in case the parent was killed.

    Messages have a descriptor of their own, because the frameworks print to standard output.

    Args:
        open_model: opens the model of a request.
    """
    folder = Path(sys.argv[1])
    messages = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    model = None
    try:
        for line in sys.stdin:
            request = json.loads(line)
            try:
                if request["do"] == "convert":
                    model = open_model(request)
                    answer = model.convert(folder / MODEL_FILE)
                else:
                    answer = _run(model, folder)
            except RefusedError as error:
                answer = {"error": str(error)}
            except Exception as error:  # noqa: BLE001  # frameworks raise nearly anything
                traceback.print_exc()
                answer = {"error": describe_error(error)}
            print(json.dumps(answer), file=messages, flush=True)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def describe_error(error: BaseException) -> str:
    """Return the error's type and its first line."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return f"{type(error).__name__}: {lines[0]}" if lines else type(error).__name__


def _run(model: ServedModel, folder: Path) -> dict[str, Any]:
    outputs = model.run(np.load(folder / "input.npy"))
    for position, output in enumerate(outputs):
        np.save(folder / f"output_{position}.npy", output)
    return {"outputs": [f"output_{position}" for position in range(len(outputs))]}
