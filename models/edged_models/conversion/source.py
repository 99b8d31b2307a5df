"""Sources of a conversion: trained models that can be written as a .tflite."""

from dataclasses import dataclass, field
from typing import Any, Protocol

import numpy as np
from ai_edge_litert.interpreter import Interpreter, OpResolverType
from numpy.typing import NDArray

from edged_models.conversion.converter import convert_functions
from edged_models.conversion.error_summary import summarize_error
from edged_models.conversion.model_metadata import ModelMetadata
from edged_models.conversion.output_order import SignatureNames, restore_output_order
from edged_models.conversion.precision import Precision
from edged_models.errors import SourceError
from edged_models.tensorflow import tf

__all__ = ["DEFAULT_SIGNATURE", "FileSource", "FunctionSource", "ModelSource", "Precision"]

DEFAULT_SIGNATURE = "serving_default"
"""TensorFlow's name for the signature of a model that has one."""


class ModelSource(Protocol):
    """A trained model.

    Attributes:
        name: for messages and for the file's name.
        metadata: metadata of the .tflite.
        has_learned_ranges: whether it was trained quantisation-aware, and needs no calibration.
    """

    name: str
    metadata: ModelMetadata
    has_learned_ranges: bool

    def to_tflite(self, precision: Precision, *, per_channel: bool = True) -> bytes:
        """Convert the model to a .tflite without metadata.

        Args:
            precision: bits of weights and activations.
            per_channel: whether each channel of a weight has its own scale.

        Raises:
            SourceError: the model cannot be converted so.
        """

    def run(self, tensor: NDArray[np.generic]) -> list[NDArray[np.generic]]:
        """Run the model itself, before any conversion: what a converted one is compared with.

        Args:
            tensor: the model's input: (1, H, W, C) float32, or whatever its shape and dtype are.

        Returns:
            The outputs, (1, ...) float32 as a rule, in the order of the .tflite's.

        Raises:
            SourceError: the model fails.
        """


@dataclass(frozen=True, slots=True, kw_only=True)
class FunctionSource:
    """A TensorFlow function as a source.

    Attributes:
        name: for messages and for the file's name.
        metadata: metadata of the .tflite.
        function: concrete function from tensors of fixed shapes to tensors by name.
        variables: the function's variables, which the function itself does not keep alive.
        outputs: names of the outputs, in the order of the .tflite's outputs.
        has_learned_ranges: whether it was trained quantisation-aware, and needs no calibration.
        tracked_resources: resources to save with the function beside its variables, as the tables of a SavedModel; None if there
            are none.
        signature: the signature's names in the .tflite; None for a file without a signature.
    """

    name: str
    metadata: ModelMetadata
    function: Any
    variables: tuple[Any, ...]
    outputs: tuple[str, ...]
    has_learned_ranges: bool = False
    tracked_resources: Any = None
    signature: SignatureNames | None = None
    _converted_models: dict[tuple[Precision, bool], bytes] = field(
        default_factory=dict, init=False, repr=False, compare=False
    )
    """A cache: several schemes start from the float32 model."""

    def to_tflite(self, precision: Precision, *, per_channel: bool = True) -> bytes:
        """Convert the function; the same function gives the same bytes.

        Args:
            precision: bits of weights and activations.
            per_channel: whether each channel of a weight has its own scale.

        Raises:
            SourceError: TensorFlow cannot convert the function.
        """
        converted = self._converted_models.get((precision, per_channel))
        if converted is None:
            converted = self._convert(precision, per_channel=per_channel)
            self._converted_models[precision, per_channel] = converted
        return converted

    def run(self, tensor: NDArray[np.generic]) -> list[NDArray[np.generic]]:
        """Run the function with TensorFlow.

        Args:
            tensor: the model's input: (1, H, W, C) float32, or whatever its shape and dtype are.

        Returns:
            The outputs, (1, ...) float32 as a rule, in the order of `outputs`.

        Raises:
            SourceError: the function fails.
        """
        try:
            results = self.function(tf.constant(tensor))
            return [results[name].numpy() for name in self.outputs]
        except Exception as error:  # TensorFlow raises nearly anything
            raise SourceError(f"{self.name} cannot be run: {summarize_error(error)}") from error

    def _convert(self, precision: Precision, *, per_channel: bool) -> bytes:
        model = convert_functions(
            {DEFAULT_SIGNATURE: self.function},
            [*self.variables, self.tracked_resources],
            name=self.name,
            precision=precision,
            per_channel=per_channel,
        )
        return restore_output_order(model, self.outputs, self.signature)


@dataclass(frozen=True, slots=True, kw_only=True)
class FileSource:
    """A float32 .tflite as a source.

    Attributes:
        name: for messages and for the file's name.
        metadata: metadata of the .tflite.
        model: the .tflite.
        has_learned_ranges: whether it was trained quantisation-aware; such a file needs no calibration.
    """

    name: str
    metadata: ModelMetadata
    model: bytes
    has_learned_ranges: bool = False

    def to_tflite(self, precision: Precision, *, per_channel: bool = True) -> bytes:  # noqa: ARG002  # of the protocol
        """Return the file.

        Args:
            precision: float32; other precisions need the original model.
            per_channel: without effect.

        Raises:
            SourceError: `precision` is not float32.
        """
        if precision is not Precision.FLOAT32:
            raise SourceError(
                f"{self.name} is already a .tflite, and TensorFlow makes {precision} models only from the original model: "
                "give the checkpoint, Keras file or SavedModel, or choose int8 or int16x8"
            )
        return self.model

    def run(self, tensor: NDArray[np.generic]) -> list[NDArray[np.generic]]:
        """Run the file with the reference kernels of litert.

        Args:
            tensor: the model's input: (1, H, W, C) float32, or whatever its shape and dtype are.

        Returns:
            The outputs, (1, ...) float32 as a rule, in the order of the file.

        Raises:
            SourceError: the file cannot be run.
        """
        try:
            interpreter = Interpreter(
                model_content=self.model,
                experimental_op_resolver_type=OpResolverType.BUILTIN_REF,
            )
            interpreter.allocate_tensors()
            interpreter.set_tensor(interpreter.get_input_details()[0]["index"], tensor)
            interpreter.invoke()
            return [
                interpreter.get_tensor(one["index"]) for one in interpreter.get_output_details()
            ]
        except (RuntimeError, ValueError) as error:
            raise SourceError(f"{self.name} cannot be run: {summarize_error(error)}") from error
