"""The interface of a model family."""

from collections.abc import Sequence
from typing import ClassVar, Protocol, Self

import numpy as np
from numpy.typing import NDArray

from edged.types import Detections, Fit, InputSpec, ModelSignature


class ModelFamily(Protocol):
    """One kind of model: how its input is prepared and its outputs are decoded. Pure: no I/O, no state between frames."""

    name: ClassVar[str]
    """The name in the registry."""
    input: InputSpec
    class_offset: int
    """Number to add to a class id to get its index in the label list: 1 where the labels begin with a background entry that the model does not report."""

    @classmethod
    def match(cls, signature: ModelSignature) -> Self | str:
        """Recognise a model by its signature, never by its file name.

        Returns:
            The family made for that model, or one clause that says why the model does not fit.
        """

    def decode(
        self, outputs: Sequence[NDArray[np.generic]], fit: Fit, *, min_score: float
    ) -> Detections:
        """Turn the outputs of one invocation into detections.

        Args:
            outputs: the arrays that `Interpreter.invoke` returned, shapes and dtypes of the signature, as (1, N, 4) float32.
            fit: how the frame was fitted into the tensor; boxes are mapped back to the frame with it.
            min_score: detections with a lower score are left out.

        Raises:
            ModelError: the outputs are invalid (NaN, class ids out of range).
        """
