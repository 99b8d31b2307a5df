"""Functions of TensorFlow in a Python file or an installed module: the user's own code, which is run."""

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
    """``path/to/file.py:name`` or ``module:name``."""
    place, colon, name = spec.rpartition(":")
    if not colon or not place or not name.isidentifier():
        return None
    if head is not None:
        raise SourceError(f"{spec} has the head that it has: --head is for checkpoints")
    try:
        concrete = _to_concrete_function(getattr(_load_module(place), name), spec)
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
    """A concrete function of one picture.

    Args:
        concrete: the function.
        name: for messages, and in the file.
        outputs: the order of the outputs that it gives by name; its own if None.
        side_px: of the input, where the function leaves it open.
        tracked_resources: see `FunctionSource`.

    Raises:
        SourceError: it has several inputs, or their size is open.
    """
    inputs = tf.nest.flatten(concrete.structured_input_signature)
    if len(inputs) != 1:
        raise SourceError(f"{name} has {len(inputs)} inputs instead of one picture")
    if inputs[0].shape.rank is None:
        raise SourceError(f"{name}'s input has no known shape")
    spec = fix_input_shape(inputs[0].shape, inputs[0].dtype, name=name, side_px=side_px)
    keyword = next(iter(concrete.structured_input_signature[1]), None)
    named = _outputs_by_name(concrete.structured_outputs)
    order = outputs or tuple(named)

    @tf.function(input_signature=[spec])
    def call(image: tf.Tensor) -> dict[str, tf.Tensor]:
        given = concrete(**{keyword: image}) if keyword else concrete(image)
        results = _outputs_by_name(given)
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


def _outputs_by_name(outputs: Any) -> dict[str, Any]:
    if isinstance(outputs, Mapping):
        return dict(outputs)
    return {f"output_{place}": one for place, one in enumerate(tf.nest.flatten(outputs))}


def _load_module(place: str) -> ModuleType:
    if not place.endswith(".py"):
        return import_module(place)
    path = Path(place)
    spec = spec_from_file_location(path.stem, path)
    if not path.is_file() or spec is None or spec.loader is None:
        raise SourceError(f"cannot read {place}: there is no such file")
    module = module_from_spec(spec)
    # Kept, because a function does not keep its variables alive.
    sys.modules[f"edged_models.given.{path.stem}"] = module
    spec.loader.exec_module(module)
    return module


def _to_concrete_function(found: Any, spec: str) -> Any:
    """The concrete function that a name stands for: itself, traced by its input signature, or what calling it gives."""
    if hasattr(found, "structured_input_signature"):
        return found
    if hasattr(found, "get_concrete_function"):
        if getattr(found, "input_signature", None) is None:
            raise SourceError(
                f"{spec} has no input_signature: say tf.function(input_signature=[tf.TensorSpec(...)])"
            )
        return found.get_concrete_function()
    if callable(found) and not isinstance(found, type):
        return _to_concrete_function(found(), spec)
    raise SourceError(f"{spec} is a {type(found).__name__}, no function of TensorFlow")
