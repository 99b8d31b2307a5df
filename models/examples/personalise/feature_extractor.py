"""Features of a picture, computed by a frozen model."""

from importlib.util import find_spec
from pathlib import Path

import numpy as np

from edged.errors import ConfigError, ModelError, PictureError
from edged.families.inputs import image_input
from edged.families.outputs import dequantise
from edged.interfaces import Interpreter
from edged.model.encode import Encoder
from edged.pictures.decode import read_picture
from edged.registry import INTERPRETERS, load_driver
from edged.types import F32, Fitting, Frame


class FeatureExtractor:
    """A frozen model that turns a picture into features; pictures are encoded as the daemon encodes frames."""

    def __init__(self, model: Path, runtime: str) -> None:
        """Open the model file.

        Raises:
            ModelError: the file is not a model, or its input is not a picture.
            RegistryError: the runtime is not installed.
        """
        self._interpreter: Interpreter = load_driver(INTERPRETERS, resolve_runtime(runtime))(model)
        spec = image_input(
            self._interpreter.signature, fitting=Fitting.STRETCH, mean=127.5, std=127.5
        )
        if isinstance(spec, str):
            raise ModelError(f"{model} does not take pictures: {spec}")
        self._encoder = Encoder(spec)

    def extract(self, path: Path) -> F32:
        """Compute the features of a picture: the model's output, averaged over the picture.

        Returns:
            (C,) float32.

        Raises:
            ConfigError: the picture cannot be read.
            InvokeError: the runtime failed.
        """
        try:
            frame = Frame.from_pixels(read_picture(path))
        except PictureError as error:
            raise ConfigError(f"{error}; remove or replace it") from error
        (output,) = self._interpreter.invoke(self._encoder(frame).array)
        values = dequantise(output, self._interpreter.signature.outputs[0])
        return np.asarray(values.reshape(-1, values.shape[-1]).mean(axis=0), np.float32)


def resolve_runtime(runtime: str) -> str:
    """Return the name of the runtime: for "auto" the first that can be imported, else the given one."""
    if runtime != "auto":
        return runtime
    packages = {"litert": "ai_edge_litert", "tflite": "tflite_runtime"}
    installed = [name for name, package in packages.items() if find_spec(package)]
    return installed[0] if installed else "litert"
