"""From a picture to numbers that say what is in it, by a frozen model."""

from importlib.util import find_spec
from pathlib import Path

import cv2
import numpy as np

from edged.errors import ConfigError, ModelError
from edged.families.inputs import image_input
from edged.families.outputs import dequantise
from edged.interfaces import Interpreter
from edged.model.encode import Encoder
from edged.registry import INTERPRETERS, load_driver
from edged.types import F32, Fitting, Frame


class FeatureExtractor:
    """A feature extractor, fed as the daemon feeds a detector."""

    def __init__(self, model: Path, runtime: str) -> None:
        """Open it.

        Raises:
            ModelError: it is no model, or takes no picture.
            RegistryError: the runtime is not installed.
        """
        self._interpreter: Interpreter = load_driver(INTERPRETERS, resolve_runtime(runtime))(model)
        spec = image_input(
            self._interpreter.signature, fitting=Fitting.STRETCH, mean=127.5, std=127.5
        )
        if isinstance(spec, str):
            raise ModelError(f"{model} cannot see: {spec}")
        self._encoder = Encoder(spec)

    def extract(self, path: Path) -> F32:
        """(C,) float32: the model's last tensor, averaged over the picture.

        Raises:
            ConfigError: the picture cannot be read.
            InvokeError: the runtime failed.
        """
        pixels = cv2.imread(str(path), cv2.IMREAD_COLOR)
        if pixels is None:
            raise ConfigError(f"cannot read {path} as a picture")
        frame = Frame.from_pixels(np.asarray(pixels, np.uint8))
        (output,) = self._interpreter.invoke(self._encoder(frame).array)
        values = dequantise(output, self._interpreter.signature.outputs[0])
        return np.asarray(values.reshape(-1, values.shape[-1]).mean(axis=0), np.float32)


def resolve_runtime(runtime: str) -> str:
    """The first runtime that can be imported for "auto"; another name as it is."""
    if runtime != "auto":
        return runtime
    packages = {"litert": "ai_edge_litert", "tflite": "tflite_runtime"}
    found = [name for name, package in packages.items() if find_spec(package)]
    return found[0] if found else "litert"
