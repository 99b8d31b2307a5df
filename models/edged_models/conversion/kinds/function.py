"""TensorFlow functions in a Python file or an installed module as sources. The user's code is executed."""

import sys
from collections.abc import Mapping
from importlib import import_module
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from types import ModuleType
from typing import Any

from edged_models.conversion.error_summary import summarize_error
from edged_models.conversion.kinds.input_shape import fix_input_shape
from edged_models.conversion.model_metadata import ModelMetadata
from edged_models.conversion.source import FunctionSource
from edged_models.detector.graph import DetectorHead
from edged_models.errors import SourceError
from edged_models.tensorflow import tf


def try_open(spec: str, head: DetectorHead | None, side_px: int | None) -> FunctionSource | None:
    """Open a function.

    Args:
        spec: ``path/to/file.py:name`` or ``module:name``.
        head: must be None.
        side_px: side of the square input, if the function leaves it open.

    Returns:
        The source; None if `spec` is not of this form.

    Raises:
        SourceError: the code fails, there is no such function, or it cannot be converted.
    """
    module, colon, name = spec.rpartition(":")
    if not colon or not module or not name.isidentifier():
        return None
    if head is not None:
        raise SourceError(f"{spec} has fixed outputs: --head applies to checkpoints only")
    try:
        concrete = _to_concrete_function(getattr(_load_module(module), name), spec)
    except SourceError:
        raise
    except Exception as error:  # the user's own code
        raise SourceError(
            f"{spec} failed: {type(error).__name__}: {summarize_error(error)}"
        ) from error
    return concrete_source(concrete, name=name, side_px=side_px)


def concrete_source(
    concrete: Any,
    *,
    name: str,
    outputs: tuple[str, ...] | None = None,
    side_px: int | None = None,
    tracked_resources: Any = None,
) -> FunctionSource:
    """Return a concrete function of one picture as a source.

    Args:
        concrete: the function.
        name: for messages, and in the file.
        outputs: names of the outputs, in order; the function's own order if None.
        side_px: side of the square input, if the function leaves it open.
        tracked_resources: resources to save with the function; None if there are none.

    Raises:
        SourceError: the function has several inputs, or the size of its input is not known.
    """
    spec = _input_spec(concrete, name=name, side_px=side_px)
    keyword = next(iter(concrete.structured_input_signature[1]), None)
    order = outputs or tuple(_outputs_by_name(concrete.structured_outputs))

    @tf.function(input_signature=[spec])
    def call(image: tf.Tensor) -> dict[str, tf.Tensor]:
        results = _outputs_by_name(concrete(**{keyword: image}) if keyword else concrete(image))
        return {one: results[one] for one in order}

    function = call.get_concrete_function()
    return FunctionSource(
        name=name,
        metadata=ModelMetadata(name=name),
        function=function,
        variables=tuple(function.graph.variables),
        outputs=order,
        tracked_resources=tracked_resources,
    )


def _input_spec(concrete: Any, *, name: str, side_px: int | None) -> tf.TensorSpec:
    inputs = tf.nest.flatten(concrete.structured_input_signature)
    if len(inputs) != 1:
        raise SourceError(f"{name} has {len(inputs)} inputs; it must have one, a picture")
    if inputs[0].shape.rank is None:
        raise SourceError(f"{name}'s input has no known shape")
    return fix_input_shape(inputs[0].shape, inputs[0].dtype, name=name, side_px=side_px)


def _outputs_by_name(outputs: Any) -> dict[str, Any]:
    if isinstance(outputs, Mapping):
        return dict(outputs)
    return {f"output_{position}": one for position, one in enumerate(tf.nest.flatten(outputs))}


def _load_module(name: str) -> ModuleType:
    if not name.endswith(".py"):
        return import_module(name)
    path = Path(name)
    spec = spec_from_file_location(path.stem, path)
    if not path.is_file() or spec is None or spec.loader is None:
        raise SourceError(f"cannot read {name}: there is no such file")
    module = module_from_spec(spec)
    # The module is kept alive, because a function does not keep its variables alive.
    sys.modules[f"edged_models.user_modules.{path.stem}"] = module
    spec.loader.exec_module(module)
    return module


def _to_concrete_function(value: Any, spec: str) -> Any:
    """Return a concrete function: the value itself, its trace with its input signature, or the result of calling it."""
    if hasattr(value, "structured_input_signature"):
        return value
    if hasattr(value, "get_concrete_function"):
        if getattr(value, "input_signature", None) is None:
            raise SourceError(
                f"{spec} has no input_signature: declare it with tf.function(input_signature=[tf.TensorSpec(...)])"
            )
        return value.get_concrete_function()
    if callable(value) and not isinstance(value, type):
        return _to_concrete_function(value(), spec)
    raise SourceError(
        f"{spec} has the type {type(value).__name__} and is not a TensorFlow function"
    )
