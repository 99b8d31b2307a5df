"""The kernels across channels: of convolutions and dense layers. Weight pruning and clustering change them."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edged_models.compression.keras_graph import list_layers
from edged_models.tensorflow import keras

_CONVOLUTIONS = (
    keras.layers.Conv1D,
    keras.layers.Conv2D,
    keras.layers.Conv3D,
    keras.layers.Dense,
)
_POINTWISE = (keras.layers.SeparableConv1D, keras.layers.SeparableConv2D)
_DEPTHWISE = (keras.layers.DepthwiseConv1D, keras.layers.DepthwiseConv2D)
_PREFIX = "quant_"


@dataclass(frozen=True, slots=True, eq=False)
class Kernel:
    """A kernel across channels.

    Attributes:
        layer: name of its layer.
        variable: the weights, (..., in, out) float32; (..., out, in) of a transposed convolution.
        is_transposed: whether the last axis is that of the inputs.
    """

    layer: str
    variable: Any
    is_transposed: bool

    def values(self) -> NDArray[np.float32]:
        """Return the weights, of any shape, float32."""
        return np.asarray(self.variable.numpy())


def list_kernels(model: keras.Model) -> list[Kernel]:
    """Return the kernels across channels of a model, prepared for quantisation-aware training or not.

    Depthwise convolutions are left out: they have few weights, and each of them matters.
    """
    kernels = []
    for layer in list_layers(model):
        inner = getattr(layer, "layer", layer)
        attribute = _kernel_attribute(inner)
        if attribute is None or not layer.built:
            continue
        # A quantising wrapper replaces the attribute by a rounded tensor, and keeps the variable itself.
        kept = getattr(layer, "_weight_vars", None)
        variable = kept[0][0] if kept else getattr(inner, attribute)
        is_transposed = isinstance(
            inner, keras.layers.Conv2DTranspose | keras.layers.Conv3DTranspose
        )
        kernels.append(Kernel(layer.name.removeprefix(_PREFIX), variable, is_transposed))
    return kernels


def measure_sparsity(model: keras.Model) -> float:
    """Return the share of zero weights in the kernels across channels."""
    kernels = [kernel.values() for kernel in list_kernels(model)]
    return sum(int((k == 0).sum()) for k in kernels) / max(1, sum(k.size for k in kernels))


def count_max_distinct_values(model: keras.Model) -> int:
    """Return the number of different values in the kernel that has most of them."""
    return max((len(np.unique(kernel.values())) for kernel in list_kernels(model)), default=0)


def _kernel_attribute(layer: keras.layers.Layer) -> str | None:
    if isinstance(layer, _DEPTHWISE):
        return None
    if isinstance(layer, _POINTWISE):
        return "pointwise_kernel"
    return "kernel" if isinstance(layer, _CONVOLUTIONS) else None
