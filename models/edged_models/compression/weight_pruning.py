"""Pruning by weight: the smallest weights become zero, a few more every few steps, while the rest learns to do without.

The file is as large as before and the net as fast; it only compresses better.
"""

from collections.abc import Mapping
from dataclasses import replace

import numpy as np
import tensorflow_model_optimization as tfmot
from numpy.typing import NDArray

from edged_models.compression.fine_tune import fine_tune
from edged_models.compression.fine_tune_settings import (
    FineTuneSettings,
    StepCallback,
    ignore_progress,
)
from edged_models.compression.layer_wrapping import custom_layer_scope, wrap_convolutions
from edged_models.compression.picture_sample import PictureSample
from edged_models.detector.checkpoint import Checkpoint
from edged_models.detector.weights import extract_weights, restore_net
from edged_models.errors import ToolError

_MASK_UPDATES = 20
_PRUNING_SHARE = 0.7
"""Of the steps: in the last ones the mask stands, and the net settles."""


def prune_weights(
    checkpoint: Checkpoint,
    sample: PictureSample,
    *,
    share: float,
    tuning: FineTuneSettings,
    progress: StepCallback = ignore_progress,
) -> Checkpoint:
    """Make that share of the weights of every convolution across channels zero.

    Raises:
        ToolError: as many are zero already.
    """
    before = measure_sparsity(checkpoint.weights)
    if before >= share:
        raise ToolError(
            f"nothing to prune: {before:.0%} of the weights are zero already, and a share of {share:g} was asked for"
        )
    every = max(1, int(_PRUNING_SHARE * tuning.steps) // _MASK_UPDATES)
    last = max(1, int(_PRUNING_SHARE * tuning.steps) // every) * every
    schedule = tfmot.sparsity.keras.PolynomialDecay(
        initial_sparsity=before, final_sparsity=share, begin_step=0, end_step=last, frequency=every
    )
    model = wrap_convolutions(
        restore_net(checkpoint),
        lambda layer: tfmot.sparsity.keras.prune_low_magnitude(layer, pruning_schedule=schedule),
    )
    counter = tfmot.sparsity.keras.UpdatePruningStep()
    counter.set_model(model)
    counter.on_train_begin()

    def follow(done: int) -> None:
        counter.on_train_batch_begin(done)
        progress(done)

    fine_tune(model, sample, tuning=tuning, progress=follow)
    counter.on_epoch_end(0)  # the last step's mask, on the last step's weights
    with custom_layer_scope():
        stripped = tfmot.sparsity.keras.strip_pruning(model)
    return replace(checkpoint, weights=extract_weights(stripped))


def measure_sparsity(weights: Mapping[str, NDArray[np.float32]]) -> float:
    """Of the kernels that are pruned."""
    kernels = [array for name, array in weights.items() if name.endswith("/kernel")]
    return sum(int((k == 0).sum()) for k in kernels) / sum(k.size for k in kernels)
