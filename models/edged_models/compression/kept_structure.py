"""The structure that a kernel has from an earlier technique, kept in a training: zeros stay zero, and shared values stay shared."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from edged_models.compression.kernels import Kernel, list_kernels
from edged_models.conversion.clustered_kernels import is_clustered
from edged_models.tensorflow import keras, tf

_MIN_ZERO_SHARE = 0.1
"""A kernel with fewer zeros has them by chance."""
_INT8_MAX = 127


class KernelCondition(Protocol):
    """A condition on one kernel that holds after each step of a training."""

    def apply(self) -> None:
        """Change the kernel so that the condition holds."""

    def finish(self) -> None:
        """Give the kernel its last form after the last step."""


@dataclass(frozen=True, slots=True, eq=False)
class KeptZeros:
    """Zeros of a kernel that stay zero.

    Attributes:
        variable: the kernel.
        mask: of the kernel's shape, float32; 0 where the weight stays zero, else 1.
    """

    variable: Any
    mask: Any

    def apply(self) -> None:
        """Set the weights to zero."""
        self.variable.assign(self.variable * self.mask)

    def finish(self) -> None:
        """Set the weights to zero."""
        self.apply()


@dataclass(frozen=True, slots=True, eq=False)
class SharedValues:
    """Few values that the weights of a kernel share.

    A cluster that is zero stays zero. Afterwards the values are multiples of the largest magnitude / 127, so that 8 bits with one
    scale hold them exactly.

    Attributes:
        variable: the kernel.
        clusters: of the kernel's shape, int32, the number of each weight's cluster.
        count: number of clusters.
        zero: number of the cluster that stays zero; None if none is zero.
    """

    variable: Any
    clusters: Any
    count: int
    zero: int | None

    def apply(self) -> None:
        """Give all weights of a cluster their mean: the step of a value is the mean step of its weights."""
        self.variable.assign(tf.gather(self._means(), self.clusters))

    def finish(self) -> None:
        """Give all weights of a cluster their mean, rounded to the multiples."""
        means = self._means().numpy()
        self.variable.assign(round_to_int8_grid(means)[self.clusters.numpy()])

    def _means(self) -> Any:
        flat = tf.reshape(self.clusters, [-1])
        values = tf.reshape(tf.convert_to_tensor(self.variable), [-1])
        means = tf.math.unsorted_segment_mean(values, flat, self.count)
        if self.zero is None:
            return means
        return means * (1 - tf.one_hot(self.zero, self.count))


def round_to_int8_grid(values: NDArray[np.float32]) -> NDArray[np.float32]:
    """Round values to multiples of the largest magnitude / 127; any shape, float32."""
    largest = float(np.abs(values).max())
    if largest == 0:
        return values
    step = np.float32(largest / _INT8_MAX)
    return np.asarray(np.round(values / step).astype(np.float32) * step, np.float32)


def has_zeros(values: NDArray[np.float32]) -> bool:
    """Return whether a kernel of any shape, float32, has been pruned by weight."""
    return float((values == 0).mean()) >= _MIN_ZERO_SHARE


def find_conditions(model: keras.Model) -> list[KernelCondition]:
    """Return the conditions that keep what the kernels of a model have."""
    return [one for kernel in list_kernels(model) if (one := _find_condition(kernel)) is not None]


def find_clustered(model: keras.Model) -> frozenset[str]:
    """Return the names of the layers whose kernels are clustered."""
    return frozenset(one.layer for one in list_kernels(model) if is_clustered(one.values()))


def apply_all(conditions: Sequence[KernelCondition]) -> None:
    """Apply all conditions, after a step."""
    for one in conditions:
        one.apply()


def _find_condition(kernel: Kernel) -> KernelCondition | None:
    values = kernel.values()
    if is_clustered(values):
        distinct, clusters = np.unique(values, return_inverse=True)
        zeros = np.flatnonzero(distinct == 0)
        return SharedValues(
            kernel.variable,
            tf.constant(clusters.reshape(values.shape), tf.int32),
            len(distinct),
            int(zeros[0]) if len(zeros) else None,
        )
    if has_zeros(values):
        return KeptZeros(kernel.variable, tf.constant(values != 0, tf.float32))
    return None
