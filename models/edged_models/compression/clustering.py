"""Weight clustering: each kernel has only a few different values, in the file as well, so that the file compresses well.

The normalisations are folded first, as the converter would do it: it would multiply each channel by another number, and so give every
value as many forms as there are channels.
"""

import numpy as np
from numpy.typing import NDArray

from edged_models.compression.fine_tune_settings import (
    FineTuneSettings,
    StepCallback,
    ignore_progress,
)
from edged_models.compression.kept_structure import has_zeros, round_to_int8_grid
from edged_models.compression.kernels import count_max_distinct_values, list_kernels
from edged_models.compression.network import Network, NetworkTrainer
from edged_models.compression.norm_folding import fold_norms
from edged_models.compression.recovery import train_with_conditions
from edged_models.compression.training_steps import GENTLE_RATE
from edged_models.errors import ToolError

F32 = NDArray[np.float32]

_ITERATIONS = 30


def cluster_weights(
    network: Network,
    trainer: NetworkTrainer | None,
    *,
    clusters: int,
    tuning: FineTuneSettings,
    progress: StepCallback = ignore_progress,
) -> Network:
    """Cluster the weights of each kernel across channels: k-means first, then fine-tuning of the shared values.

    Zeros of a pruned kernel stay zero; zero is one of its values then. The result has no normalisations that can be folded.

    Args:
        network: the network.
        trainer: fine-tunes the values; None to leave them as k-means finds them.
        clusters: number of different weights in a kernel.
        tuning: settings of the fine-tuning.
        progress: called with the number of finished steps.

    Raises:
        ToolError: no kernel has more than `clusters` different weights, or the training fails.
    """
    model = fold_norms(network.model)
    if count_max_distinct_values(model) <= clusters:
        raise ToolError(f"nothing to cluster: no kernel has more than {clusters} different weights")
    for kernel in list_kernels(model):
        kernel.variable.assign(cluster_values(kernel.values(), clusters))
    if trainer is not None:
        train_with_conditions(
            model, trainer, tuning=tuning, default_rate=GENTLE_RATE, progress=progress
        )
    return network.with_model(model)


def cluster_values(values: F32, count: int) -> F32:
    """Return an array with at most `count` different values, each the mean of its cluster rounded to 8 bits.

    Args:
        values: of any shape, float32.
        count: number of values, zero included if the array has been pruned.

    Returns:
        Of the same shape, float32.
    """
    if len(np.unique(values)) <= count:
        return values
    keeps_zeros = has_zeros(values)
    flat = values.ravel()
    moved = flat[flat != 0] if keeps_zeros else flat
    centres = _find_centres(np.sort(moved).astype(np.float64), count - 1 if keeps_zeros else count)
    rounded = round_to_int8_grid(centres.astype(np.float32))
    nearest = rounded[np.searchsorted((centres[1:] + centres[:-1]) / 2, flat)]
    return np.where(keeps_zeros & (flat == 0), np.float32(0), nearest).reshape(values.shape)


def _find_centres(ordered: NDArray[np.float64], count: int) -> NDArray[np.float64]:
    """Return the ascending centres of the clusters of sorted values: Lloyd's k-means in one dimension.

    They start half-way between clusters of equal numbers of values and clusters of equal widths.
    """
    quantiles = np.quantile(ordered, np.linspace(0, 1, count + 2)[1:-1])
    even = np.linspace(ordered[0], ordered[-1], count)
    centres = np.unique((quantiles + even) / 2)
    sums = np.concatenate([[0.0], np.cumsum(ordered)])
    for _ in range(_ITERATIONS):
        limits = np.searchsorted(ordered, (centres[1:] + centres[:-1]) / 2)
        ends = np.concatenate([[0], limits, [len(ordered)]])
        sizes = np.diff(ends)
        means = np.diff(sums[ends])[sizes > 0] / sizes[sizes > 0]
        if len(means) == len(centres) and np.allclose(means, centres, rtol=1e-6, atol=0):
            break
        centres = means
    return centres
