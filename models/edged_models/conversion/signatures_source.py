"""Models with several signatures, such as those that learn on the device, as sources."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edged_models.conversion.converter import convert_functions
from edged_models.conversion.error_summary import summarize_error
from edged_models.conversion.function_signature import call_by_name
from edged_models.conversion.model_metadata import ModelMetadata
from edged_models.conversion.output_order import restore_signature_order
from edged_models.conversion.precision import Precision
from edged_models.errors import SourceError
from edged_models.tensorflow import tf


@dataclass(frozen=True, slots=True, kw_only=True)
class SignatureFunction:
    """A function with a name in the file.

    Attributes:
        function: concrete function.
        outputs: names of its outputs, in the order of the .tflite's.
    """

    function: Any
    outputs: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class SignaturesSource:
    """Several functions of one model as a source; they share its variables, also in the file.

    Attributes:
        name: for messages and for the file's name.
        metadata: metadata of the .tflite; it describes the first signature.
        signatures: the functions by name. The first has one input, and is what a runtime without signatures runs.
        held: keeps the variables, and is saved with the functions.
        has_learned_ranges: whether it was trained quantisation-aware, and needs no calibration.
    """

    name: str
    metadata: ModelMetadata
    signatures: Mapping[str, SignatureFunction]
    held: Any
    has_learned_ranges: bool = False

    def to_tflite(self, precision: Precision, *, per_channel: bool = True) -> bytes:
        """Convert the functions; the same functions give the same bytes.

        Args:
            precision: bits of weights and activations.
            per_channel: whether each channel of a weight has its own scale.

        Raises:
            SourceError: TensorFlow cannot convert the functions.
        """
        model = convert_functions(
            {name: one.function for name, one in self.signatures.items()},
            self.held,
            name=self.name,
            precision=precision,
            per_channel=per_channel,
        )
        return restore_signature_order(
            model, {name: one.outputs for name, one in self.signatures.items()}
        )

    def run(self, tensor: NDArray[np.generic]) -> list[NDArray[np.generic]]:
        """Run the first function with TensorFlow.

        Args:
            tensor: its input: (1, H, W, C) float32, or whatever its shape and dtype are.

        Returns:
            Its outputs, (1, ...) float32 as a rule, in the order of the .tflite's.

        Raises:
            SourceError: the function fails.
        """
        name, first = next(iter(self.signatures.items()))
        try:
            results = call_by_name(first.function, tf.constant(tensor))
            return [results[output].numpy() for output in first.outputs]
        except Exception as error:  # TensorFlow raises nearly anything
            raise SourceError(
                f"signature {name} of {self.name} cannot be run: {summarize_error(error)}"
            ) from error
