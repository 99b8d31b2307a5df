"""Weight pruning: the smallest weights become zero, step by step during the fine-tuning.

Size and speed do not change; the file compresses better.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from edged_models.compression.fine_tune_settings import (
    FineTuneSettings,
    StepCallback,
    ignore_progress,
)
from edged_models.compression.kept_structure import find_clustered
from edged_models.compression.keras_graph import rebuild_graph
from edged_models.compression.kernels import Kernel, list_kernels, measure_sparsity
from edged_models.compression.network import Network, NetworkTrainer
from edged_models.compression.norm_folding import fold_norms
from edged_models.compression.recovery import train_with_conditions
from edged_models.compression.training_steps import GENTLE_RATE
from edged_models.errors import ToolError
from edged_models.tensorflow import keras

F32 = NDArray[np.float32]

_MASK_UPDATES = 20
_PRUNING_SHARE = 0.7
"""Share of the steps in which the mask of zero weights grows; in the remaining ones it is fixed."""
_EXPONENT = 3
"""The share grows along a cubic polynomial (Zhu and Gupta 2017)."""


@dataclass(frozen=True, slots=True)
class ZeroPattern:
    """A pattern of at least some zeros in each group of successive inputs.

    Attributes:
        zeros: number of zeros in each group.
        size: number of weights in a group. The weights left over at the end of a row are not pruned.
    """

    zeros: int
    size: int

    @property
    def share(self) -> float:
        """The share of zeros in a kernel whose rows have no remainder."""
        return self.zeros / self.size


def prune_weights(
    network: Network,
    trainer: NetworkTrainer | None,
    *,
    share: float,
    pattern: ZeroPattern | None = None,
    tuning: FineTuneSettings,
    progress: StepCallback = ignore_progress,
) -> Network:
    """Set a share of the weights of every kernel across channels to zero.

    Args:
        network: the network.
        trainer: fine-tunes it, while the share grows; None to set the smallest weights to zero at once.
        share: share of zero weights in each kernel, rounded to whole weights; without effect with a pattern.
        pattern: zeros that every group of successive inputs has; None to choose the smallest weights of each kernel.
        tuning: settings of the fine-tuning.
        progress: called with the number of finished steps.

    Raises:
        ToolError: as many weights are zero already, the network has no kernels, or the training fails.
    """
    _check_prunable(network, share, pattern)
    is_clustered = bool(find_clustered(network.model))
    model = (
        fold_norms(network.model) if is_clustered else rebuild_graph(network.model, lambda _: None)
    )
    after = pattern.share if pattern else share
    pruning = _Pruning(model, measure_sparsity(model), after, pattern)
    if is_clustered:
        # At once: the zeros then are a value that the training keeps, as the other shared values.
        pruning.apply(tuning.steps, tuning.steps)
    if trainer is not None:
        train_with_conditions(
            model,
            trainer,
            tuning=tuning,
            default_rate=GENTLE_RATE,
            progress=progress,
            on_step=(lambda _: None)
            if is_clustered
            else (lambda n: pruning.apply(n, tuning.steps)),
        )
    if not is_clustered:
        pruning.apply(tuning.steps, tuning.steps)
    return network.with_model(model)


def _check_prunable(network: Network, share: float, pattern: ZeroPattern | None) -> None:
    """Check that pruning sets weights to zero that are not.

    Raises:
        ToolError: it does not.
    """
    before, kernels = measure_sparsity(network.model), list_kernels(network.model)
    if not kernels:
        raise ToolError(f"nothing to prune: {network.name} has no convolution or dense layer")
    if pattern is None and before >= share:
        raise ToolError(
            f"nothing to prune: {before:.0%} of the weights are zero already; the requested share is {share:.0%}"
        )
    if pattern and all(np.array_equal(_pattern_mask(k, pattern), k.values() != 0) for k in kernels):
        raise ToolError(
            f"nothing to prune: every group of {pattern.size} weights has {pattern.zeros} zeros already"
        )


class _Pruning:
    """The growing masks of a model's kernels."""

    def __init__(
        self, model: keras.Model, before: float, after: float, pattern: ZeroPattern | None
    ) -> None:
        self._kernels = list_kernels(model)
        self._before, self._after, self._pattern = before, after, pattern
        self._masks: list[F32] = []

    def apply(self, done: int, steps: int) -> None:
        """Renew the masks if it is time to, and set the masked weights to zero."""
        last = max(1, int(_PRUNING_SHARE * steps))
        every = max(1, last // _MASK_UPDATES)
        if not self._masks or (done <= last and done % every == 0) or done == last:
            left = (1 - min(1.0, done / last)) ** _EXPONENT
            share = self._after + (self._before - self._after) * left
            self._masks = [self._make_mask(one, share) for one in self._kernels]
        for kernel, mask in zip(self._kernels, self._masks, strict=True):
            kernel.variable.assign(kernel.variable * mask)

    def _make_mask(self, kernel: Kernel, share: float) -> F32:
        values = np.abs(kernel.values())
        # Zeros of an earlier pruning are the smallest weights, and so are among the new ones.
        smallest = np.argsort(values, axis=None, kind="stable")[: round(share * values.size)]
        mask = np.ones(values.size, np.float32)
        mask[smallest] = 0
        mask = mask.reshape(values.shape)
        if self._pattern is None:
            return mask
        # While the share grows, only weights become zero that the pattern would set to zero.
        allowed = _pattern_mask(kernel, self._pattern)
        return np.asarray(
            allowed if share >= self._after else np.maximum(mask, allowed), np.float32
        )


def _pattern_mask(kernel: Kernel, pattern: ZeroPattern) -> NDArray[np.bool_]:
    """Return where a kernel keeps its weights: the largest of each group of successive inputs, of the kernel's shape."""
    values = np.abs(kernel.values())
    rows = values if kernel.is_transposed else np.moveaxis(values, -2, -1)
    inputs = rows.shape[-1]
    whole = inputs - inputs % pattern.size
    groups = rows[..., :whole].reshape(*rows.shape[:-1], -1, pattern.size)
    rank = np.argsort(np.argsort(groups, axis=-1, kind="stable"), axis=-1, kind="stable")
    mask = np.ones(rows.shape, bool)
    mask[..., :whole] = (rank >= pattern.zeros).reshape(*rows.shape[:-1], whole)
    return mask if kernel.is_transposed else np.moveaxis(mask, -1, -2)
