"""Reading of Keras files into Keras 2 models, whichever Keras wrote them."""

import json
import zipfile
from pathlib import Path
from typing import Any

import h5py

from edged_models.compression.keras_graph import check_graph
from edged_models.conversion.error_summary import summarize_error
from edged_models.errors import SourceError, ToolError
from edged_models.tensorflow import keras

SUFFIXES = (".keras", ".h5", ".hdf5")
_KERAS_3 = "3"


def load_keras_file(path: Path) -> keras.Model:
    """Read a Keras file; one of Keras 3 is rebuilt of Keras 2's layers.

    Raises:
        SourceError: the file cannot be read, runs code of its own, is no graph of layers, or has layers that Keras 2 lacks.
    """
    if not path.is_file():
        raise SourceError(f"cannot read {path}: there is no such file")
    try:
        version, config = _read_header(path)
        _refuse_code(config, path)
        if version.startswith(_KERAS_3):
            # Only here: most files are of Keras 2, and the import takes seconds.
            from edged_models.compression.keras3_model import load_keras3_file

            model = load_keras3_file(path)
        else:
            model = keras.models.load_model(path, compile=False)
    except ToolError:
        raise
    except Exception as error:  # Keras raises nearly anything on a bad file
        raise SourceError(
            f"{path} cannot be read as a Keras file: {summarize_error(error)}"
        ) from error
    check_graph(model, str(path))
    if len(model.inputs) != 1:
        raise SourceError(f"{path} has {len(model.inputs)} inputs; it must have one, a picture")
    return model


def _read_header(path: Path) -> tuple[str, Any]:
    """Return the version of Keras that wrote the file, and the model's configuration."""
    if zipfile.is_zipfile(path):
        with zipfile.ZipFile(path) as archive:
            version = json.loads(archive.read("metadata.json"))["keras_version"]
            return str(version), json.loads(archive.read("config.json"))
    with h5py.File(path, "r") as file:
        if "model_config" not in file.attrs:
            raise SourceError(f"{path} has weights only: save the whole model with model.save()")
        return str(file.attrs.get("keras_version", "2")), json.loads(file.attrs["model_config"])


def _refuse_code(config: Any, path: Path) -> None:
    """Refuse a file with Python code in it, which loading would run.

    Raises:
        SourceError: it has a Lambda layer.
    """
    if isinstance(config, dict):
        if config.get("class_name") == "Lambda":
            raise SourceError(
                f"{path} has a Lambda layer, which is Python code in the file: replace it by a layer of Keras"
            )
        config = list(config.values())
    if isinstance(config, list):
        for one in config:
            _refuse_code(one, path)
