"""The best weights of a training so far."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, slots=True, kw_only=True)
class BestWeights:
    """The weights with the highest AP50 on the validation pictures.

    Attributes:
        step: number of batches after which the net had them; 0 without a validation so far.
        ap50: their AP50; -1 without a validation so far.
        weights: arrays of any shape, float32, in the order of ``model.weights``.
        validations_since: number of validations after that one.
    """

    step: int = 0
    ap50: float = -1.0
    weights: Sequence[NDArray[np.float32]] = ()
    validations_since: int = 0

    def after_validation(
        self, step: int, ap50: float, weights: Sequence[NDArray[np.float32]]
    ) -> "BestWeights":
        """Return the best weights after one more validation; of equal ones the later are better.

        Args:
            step: number of batches so far.
            ap50: AP50 of the weights.
            weights: arrays of any shape, float32.
        """
        if ap50 >= self.ap50:
            return BestWeights(step=step, ap50=ap50, weights=weights)
        return replace(self, validations_since=self.validations_since + 1)
