"""Keras files as sources: each is loaded with the Keras that wrote it."""

from pathlib import Path

from edged_models.conversion.keras_archive import read_keras_archive
from edged_models.conversion.keras_code import find_code
from edged_models.conversion.kinds.keras_loading import open_keras_file, refuse_code
from edged_models.conversion.kinds.keras_network import network_source
from edged_models.conversion.kinds.keras_process import load_in_child
from edged_models.conversion.source import FunctionSource
from edged_models.conversion.source_options import SourceOptions

__all__ = ["network_source", "try_open"]

_SUFFIXES = (".keras", ".h5", ".hdf5")


def try_open(spec: str, options: SourceOptions) -> FunctionSource | None:
    """Open a file that ends in .keras or .h5.

    Args:
        spec: path of the file.
        options: `side_px` is the side of the square input, if the network leaves it open; `custom` and `trust_code` say which code
            is executed.

    Returns:
        The source; None if the file is of another kind.

    Raises:
        SourceError: the file cannot be read, contains code and is not trusted, or the network cannot be converted.
    """
    path = Path(spec)
    if path.suffix.lower() not in _SUFFIXES:
        return None
    options.refuse_head(path)
    options.refuse_signatures(path)
    archive = read_keras_archive(path)
    refuse_code(archive, options)
    if archive.is_keras_3 or find_code(archive.config):
        return load_in_child(archive, options)
    return open_keras_file(archive, options)
