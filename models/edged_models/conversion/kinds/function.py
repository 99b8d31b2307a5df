"""Functions, modules and networks in a Python file or an installed module as sources. The user's code is executed."""

from pathlib import Path
from typing import Any

from edged_models.conversion.function_signature import outputs_by_name
from edged_models.conversion.kinds.concrete_function import concrete_source
from edged_models.conversion.kinds.keras_network import is_keras_network, network_source
from edged_models.conversion.kinds.signatures import choose_signatures, signatures_source
from edged_models.conversion.kinds.user_code import load_user_module, user_errors
from edged_models.conversion.source import DEFAULT_SIGNATURE, ModelSource
from edged_models.conversion.source_options import SourceOptions
from edged_models.errors import SourceError
from edged_models.tensorflow import tf

__all__ = ["concrete_source", "try_open"]

_CALL = "__call__"


def try_open(spec: str, options: SourceOptions) -> ModelSource | None:
    """Open a function, a module or a network.

    Args:
        spec: ``path/to/file.py:name`` or ``module:name``.
        options: `side_px` is the side of the square input, if it is left open; `signatures` are functions of a `tf.Module`.

    Returns:
        The source; None if `spec` is not of this form.

    Raises:
        SourceError: the code fails, there is no such object, or it cannot be converted.
    """
    module_name, colon, name = spec.rpartition(":")
    if not colon or not module_name or not name.isidentifier():
        return None
    options.refuse_head(spec)
    options.refuse_custom(spec)
    module = load_user_module(module_name)
    if not hasattr(module, name):
        raise SourceError(f"{module_name} has no {name}")
    file = Path(module.__file__) if module.__file__ else None
    with user_errors(spec, file):
        return _open_value(_call_factory(getattr(module, name)), spec, name, options)


def _call_factory(value: Any) -> Any:
    """Return what a plain function or a class without arguments returns; anything else stays as it is."""
    is_model = is_keras_network(value) or isinstance(value, tf.Module) or _is_function(value)
    return value() if callable(value) and not is_model else value


def _is_function(value: Any) -> bool:
    return hasattr(value, "get_concrete_function") or hasattr(value, "structured_input_signature")


def _open_value(value: Any, spec: str, name: str, options: SourceOptions) -> ModelSource:
    if is_keras_network(value):
        options.refuse_signatures(spec)
        return network_source(value, name=name, side_px=options.side_px)
    if _is_function(value):
        options.refuse_signatures(spec)
        return concrete_source(_trace(value, spec), name=name, side_px=options.side_px)
    if isinstance(value, tf.Module):
        return _open_module(value, spec, name, options)
    raise SourceError(
        f"{spec} is of the type {type(value).__name__}; it must be a tf.function, a concrete function, a tf.Module or a Keras network, "
        "or a function without arguments that returns one"
    )


def _open_module(module: tf.Module, spec: str, name: str, options: SourceOptions) -> ModelSource:
    functions = {
        key: member
        for key in dir(type(module))
        if _is_function(member := getattr(module, key, None)) and _has_signature(member)
    }
    if not functions:
        raise SourceError(
            f"{spec} has no tf.function with an input_signature: declare its __call__ with "
            "@tf.function(input_signature=[tf.TensorSpec(...)])"
        )
    chosen = choose_signatures(functions, options, name=spec, default=_CALL)
    traced = {
        DEFAULT_SIGNATURE if key == _CALL else key: _trace(function, spec)
        for key, function in chosen.items()
    }
    outputs = {key: tuple(outputs_by_name(one.structured_outputs)) for key, one in traced.items()}
    return signatures_source(traced, outputs, name=name, side_px=options.side_px, held=module)


def _has_signature(function: Any) -> bool:
    return (
        hasattr(function, "structured_input_signature")
        or getattr(function, "input_signature", None) is not None
    )


def _trace(function: Any, spec: str) -> Any:
    """Return the concrete function."""
    if hasattr(function, "structured_input_signature"):
        return function
    if not _has_signature(function):
        raise SourceError(
            f"{spec} has no input_signature: declare it with tf.function(input_signature=[tf.TensorSpec(...)])"
        )
    return function.get_concrete_function()
