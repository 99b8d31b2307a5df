"""Loading of Keras files with the Keras of this process."""

import inspect
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from edged_models.conversion.error_summary import summarize_error
from edged_models.conversion.keras_archive import KerasArchive
from edged_models.conversion.keras_code import CustomObject, find_code, find_custom_objects
from edged_models.conversion.kinds.keras_network import network_source
from edged_models.conversion.kinds.user_code import load_user_file
from edged_models.conversion.source import FunctionSource
from edged_models.conversion.source_options import SourceOptions
from edged_models.errors import SourceError
from edged_models.tensorflow import keras

_MAX_NAMES = 3
_UNKNOWN_CLASS = ("Unknown", "Could not locate")
"""How Keras' messages about classes begin that it does not have."""


def refuse_code(archive: KerasArchive, options: SourceOptions) -> None:
    """Refuse a file with Python code, unless the user trusts it.

    Raises:
        SourceError: a layer contains a Python lambda, and `trust_code` is not set.
    """
    layers = find_code(archive.config)
    if layers and not options.trust_code:
        raise SourceError(
            f"{archive.path} contains Python code that loading it would execute (layer {_join(layers)}): add --trust-code if you "
            "trust its author, or save the model with Keras' own layers instead of a Lambda"
        )


def open_keras_file(archive: KerasArchive, options: SourceOptions) -> FunctionSource:
    """Load a Keras file, and return its network as a source.

    Args:
        archive: the file; the Keras of this process can read its version.
        options: says whether code in the file is executed, where its custom classes are, and what size the input has.

    Raises:
        SourceError: the file contains code and is not trusted, uses unknown classes, or cannot be loaded or called.
    """
    net = load_keras_file(archive, options)
    try:
        return network_source(net, name=archive.path.stem, side_px=options.side_px)
    except SourceError:
        raise
    except Exception as error:  # of the network's own code
        raise SourceError(
            f"the network in {archive.path} cannot be called: {summarize_error(error)}"
        ) from error


def load_keras_file(archive: KerasArchive, options: SourceOptions) -> keras.Model:
    """Load a Keras file.

    Args:
        archive: the file; the Keras of this process can read its version.
        options: says whether code in the file is executed, and where its custom classes are.

    Raises:
        SourceError: the file contains code and is not trusted, uses unknown classes, or cannot be loaded.
    """
    refuse_code(archive, options)
    custom_objects = _load_custom_objects(options.custom) if options.custom else {}
    _refuse_unknown_objects(archive, options, custom_objects)
    try:
        return _load(archive, custom_objects, safe_mode=not options.trust_code)
    except Exception as error:  # Keras raises nearly anything on a bad file
        summary = summarize_error(error)
        hint = (
            "; --custom FILE.py names the Python file that defines it"
            if summary.startswith(_UNKNOWN_CLASS) and options.custom is None
            else ""
        )
        raise SourceError(
            f"{archive.path} of Keras {archive.version} cannot be read: {summary}{hint}"
        ) from error


def _load(
    archive: KerasArchive, custom_objects: Mapping[str, Any], *, safe_mode: bool
) -> keras.Model:
    # Keras 2 knows no safe mode for HDF5: `refuse_code` is all that keeps it from executing code.
    has_safe_mode = archive.is_keras_3 or zipfile.is_zipfile(archive.path)
    mode = {"safe_mode": safe_mode} if has_safe_mode else {}
    return keras.models.load_model(
        archive.path, custom_objects=custom_objects, compile=False, **mode
    )


def _load_custom_objects(path: Path) -> dict[str, Any]:
    """Execute the user's file, and return its classes and functions by name."""
    return {
        name: value
        for name, value in vars(load_user_file(path)).items()
        if inspect.isclass(value) or inspect.isfunction(value)
    }


def _refuse_unknown_objects(
    archive: KerasArchive, options: SourceOptions, custom_objects: Mapping[str, Any]
) -> None:
    unknown = [
        one
        for one in find_custom_objects(archive.config)
        if not _is_known(one, custom_objects) and not (options.trust_code and one.module)
    ]
    if not unknown:
        return
    names = _join([one.registered_name or one.name for one in unknown])
    if options.custom:
        raise SourceError(
            f"{archive.path} uses {names}, which {options.custom} neither defines nor registers"
        )
    raise SourceError(
        f"{archive.path} uses {names}, which Keras does not have: give the Python file that defines it with --custom FILE.py"
    )


def _is_known(found: CustomObject, custom_objects: Mapping[str, Any]) -> bool:
    registered = keras.utils.get_registered_object(found.registered_name, custom_objects)
    return registered is not None or found.name in custom_objects


def _join(names: "list[str] | tuple[str, ...]") -> str:
    more = f" and {len(names) - _MAX_NAMES} more" if len(names) > _MAX_NAMES else ""
    return ", ".join(names[:_MAX_NAMES]) + more
