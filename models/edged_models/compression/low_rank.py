"""Low-rank factorisation: a matrix is replaced by the product of two smaller ones."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from edged_models.compression.fine_tune_settings import (
    FineTuneSettings,
    StepCallback,
    ignore_progress,
)
from edged_models.compression.keras_graph import LayerCopy, list_layers, rebuild_graph
from edged_models.compression.network import Network, NetworkTrainer
from edged_models.compression.recovery import recover
from edged_models.compression.training_steps import GENTLE_RATE
from edged_models.errors import ToolError
from edged_models.tensorflow import keras

F32 = NDArray[np.float32]

THIN_SUFFIX = "_thin"
"""End of the name of the first factor; the second one has the name of the layer."""


@dataclass(frozen=True, slots=True)
class LowRankFactors:
    """Two factors of a matrix.

    Attributes:
        first: (in, rank) float32.
        second: (rank, out) float32.
    """

    first: F32
    second: F32

    @property
    def rank(self) -> int:
        """The rank of the product."""
        return self.first.shape[1]


def factorize(matrix: F32, *, energy: float) -> LowRankFactors | None:
    """Factorise a matrix by singular value decomposition, with the lowest rank that keeps a share of its energy.

    Args:
        matrix: (I, O) float32, the kernel of a dense layer or a pointwise convolution with I inputs and O outputs.
        energy: share of the sum of the squared singular values, above 0 and up to 1.

    Returns:
        The factors, each with the square roots of the singular values; None if they are not smaller than the matrix.
    """
    left, values, right = np.linalg.svd(matrix.astype(np.float64), full_matrices=False)
    kept = np.cumsum(values**2) / max(float(np.sum(values**2)), 1e-30)
    rank = int(np.searchsorted(kept, energy - 1e-12)) + 1
    if rank * sum(matrix.shape) >= matrix.size:
        return None
    root = np.sqrt(values[:rank])
    return LowRankFactors(
        (left[:, :rank] * root).astype(np.float32),
        (root[:, None] * right[:rank]).astype(np.float32),
    )


def factorize_network(
    network: Network,
    trainer: NetworkTrainer | None,
    *,
    energy: float,
    tuning: FineTuneSettings,
    progress: StepCallback = ignore_progress,
) -> Network:
    """Factorise every dense layer and pointwise convolution that becomes smaller by it, except those that are factors already.

    Args:
        network: the network.
        trainer: fine-tunes the result; None to leave it as it is.
        energy: share of each kernel's energy to keep.
        tuning: settings of the fine-tuning.
        progress: called with the number of finished steps.

    Raises:
        ToolError: no layer becomes smaller, or the training fails.
    """
    changed = network.with_model(factorize_model(network.model, energy, whole=network.whole_layers))
    return recover(changed, trainer, tuning=tuning, default_rate=GENTLE_RATE, progress=progress)


def factorize_model(
    model: keras.Model, energy: float, *, whole: frozenset[str] = frozenset()
) -> keras.Model:
    """Return a copy of a model with its pointwise layers factorised.

    Args:
        model: a graph of layers.
        energy: share of each kernel's energy to keep.
        whole: names of layers that are not factorised.

    Raises:
        ToolError: no layer becomes smaller.
    """
    names = {layer.name for layer in list_layers(model)}
    count = 0

    def replace(layer: keras.layers.Layer) -> LayerCopy | None:
        nonlocal count
        if layer.name in whole or not _is_pointwise(layer) or _is_factor(layer.name, names):
            return None
        kernel = layer.get_weights()[0]
        factors = factorize(kernel.reshape(kernel.shape[-2:]), energy=energy)
        if factors is None:
            return None
        count += 1
        return _split(layer, factors)

    factorized = rebuild_graph(model, replace)
    if not count:
        raise ToolError(
            f"nothing to factorise: at an energy of {energy:g} no pointwise layer becomes smaller; choose a lower energy"
        )
    return factorized


def list_ranks(model: keras.Model) -> dict[str, int]:
    """Return the ranks of the factorised layers, by layer."""
    return {
        layer.name.removesuffix(THIN_SUFFIX): int(layer.get_weights()[0].shape[-1])
        for layer in list_layers(model)
        if layer.name.endswith(THIN_SUFFIX)
    }


def _is_factor(name: str, names: set[str]) -> bool:
    return name.endswith(THIN_SUFFIX) or f"{name}{THIN_SUFFIX}" in names


def _is_pointwise(layer: keras.layers.Layer) -> bool:
    """Return whether a layer is a dense one, or a pointwise convolution without groups or strides."""
    if type(layer) is keras.layers.Dense:
        return True
    if type(layer) is not keras.layers.Conv2D:
        return False
    return {*layer.kernel_size, *layer.strides, layer.groups} == {1}


def _split(layer: keras.layers.Layer, factors: LowRankFactors) -> LayerCopy:
    config = layer.get_config()
    size = "units" if type(layer) is keras.layers.Dense else "filters"
    thin = {
        **config,
        "name": f"{layer.name}{THIN_SUFFIX}",
        size: factors.rank,
        "activation": "linear",
        "use_bias": False,
    }
    kind = type(layer)
    kernel, *bias = layer.get_weights()
    shape = kernel.shape[:-2]
    return LayerCopy(
        (kind.from_config(thin), kind.from_config(config)),
        (
            [factors.first.reshape(*shape, *factors.first.shape)],
            [factors.second.reshape(*shape, *factors.second.shape), *bias],
        ),
    )
