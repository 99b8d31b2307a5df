"""Reading of Keras files into Keras 2 models, whichever Keras wrote them."""

from pathlib import Path
from typing import Any

from edged_models.compression.keras_graph import check_graph
from edged_models.conversion.error_summary import summarize_error
from edged_models.conversion.keras_archive import KerasArchive, read_keras_archive
from edged_models.conversion.keras_code import find_code, find_custom_objects
from edged_models.errors import SourceError, ToolError
from edged_models.tensorflow import keras

SUFFIXES = (".keras", ".h5", ".hdf5")


def load_keras_file(path: Path) -> keras.Model:
    """Read a Keras file; one of Keras 3 is rebuilt of Keras 2's layers.

    Raises:
        SourceError: the file cannot be read, runs code of its own, is no graph of layers, or has layers that Keras 2 lacks.
    """
    archive = read_keras_archive(path)
    _refuse_code(archive)
    try:
        if archive.is_keras_3:
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


def _refuse_code(archive: KerasArchive) -> None:
    """Refuse a file with Python code in it, or with names of code outside Keras: loading would run it.

    Raises:
        SourceError: it has such code.
    """
    if _has_lambda_layer(archive.config):
        raise SourceError(
            f"{archive.path} has a Lambda layer, which is Python code in the file: replace it by a layer of Keras"
        )
    if layers := find_code(archive.config):
        raise SourceError(
            f"{archive.path} contains Python code ({', '.join(layers)}): replace it by layers of Keras"
        )
    if custom := [one.name for one in find_custom_objects(archive.config) if one.module]:
        raise SourceError(
            f"{archive.path} uses {', '.join(custom)}, which Keras does not have: techniques work on layers of Keras only"
        )


def _has_lambda_layer(config: Any) -> bool:
    """Return whether a configuration has a Lambda layer at any depth, also one that only names its function."""
    if isinstance(config, dict):
        if config.get("class_name") == "Lambda":
            return True
        config = list(config.values())
    return isinstance(config, list) and any(map(_has_lambda_layer, config))
