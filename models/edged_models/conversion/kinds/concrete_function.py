"""Concrete functions as sources."""

from typing import Any

from edged_models.conversion.function_signature import (
    call_by_name,
    list_inputs,
    outputs_by_name,
)
from edged_models.conversion.kinds.input_shape import INPUT_NAME, fix_input_shape
from edged_models.conversion.model_metadata import ModelMetadata
from edged_models.conversion.output_order import SignatureNames
from edged_models.conversion.source import DEFAULT_SIGNATURE, FunctionSource
from edged_models.errors import SourceError
from edged_models.tensorflow import tf


def concrete_source(
    concrete: Any,
    *,
    name: str,
    outputs: tuple[str, ...] | None = None,
    side_px: int | None = None,
    tracked_resources: Any = None,
    signature: SignatureNames | None = None,
) -> FunctionSource:
    """Return a concrete function of one picture as a source.

    Args:
        concrete: the function.
        name: for messages, and in the file.
        outputs: names of the outputs, in order; the function's own order if None.
        side_px: side of the square input, if the function leaves it open.
        tracked_resources: resources to save with the function; None if there are none.
        signature: names of the signature in the file; TensorFlow's default name if None.

    Raises:
        SourceError: the function has several inputs, or the size of its input is not known.
    """
    function = fix_input(concrete, name=name, side_px=side_px, input_name=INPUT_NAME)
    return FunctionSource(
        name=name,
        metadata=ModelMetadata(name=name),
        function=function,
        variables=tuple(function.graph.variables),
        outputs=outputs or tuple(outputs_by_name(concrete.structured_outputs)),
        tracked_resources=tracked_resources,
        signature=signature or SignatureNames(DEFAULT_SIGNATURE, INPUT_NAME),
    )


def fix_input(concrete: Any, *, name: str, side_px: int | None, input_name: str) -> Any:
    """Return a concrete function of one picture with a fixed size, which returns tensors by name.

    Args:
        concrete: the function.
        name: the source's, for messages.
        side_px: side of the square input, if the function leaves it open.
        input_name: name of the input of the new function.

    Raises:
        SourceError: the function has several inputs, or the size of its input is not known.
    """
    inputs = list_inputs(concrete)
    if len(inputs) != 1:
        raise SourceError(f"{name} has {len(inputs)} inputs; it must have one, a picture")
    if inputs[0].shape.rank is None:
        raise SourceError(f"{name}'s input has no known shape")
    spec = fix_input_shape(inputs[0].shape, inputs[0].dtype, name=name, side_px=side_px)

    @tf.function(input_signature=[tf.TensorSpec(spec.shape, spec.dtype, input_name)])
    def call(image: tf.Tensor) -> dict[str, tf.Tensor]:
        return call_by_name(concrete, image)

    return call.get_concrete_function()
