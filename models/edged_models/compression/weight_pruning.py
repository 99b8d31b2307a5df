"""Weight pruning: the smallest weights become zero, step by step during the fine-tuning.

Size and speed do not change; the file compresses better.
"""

from collections.abc import Mapping
from dataclasses import replace
from functools import partial
from typing import Any

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
from edged_models.tensorflow import keras

_MASK_UPDATES = 20
_PRUNING_SHARE = 0.7
"""Share of the steps in which the mask of zero weights grows; in the remaining ones it is fixed."""


def prune_weights(
    checkpoint: Checkpoint,
    sample: PictureSample,
    *,
    share: float,
    tuning: FineTuneSettings,
    progress: StepCallback = ignore_progress,
) -> Checkpoint:
    """Set a share of the weights of every convolution across channels to zero.

    Args:
        checkpoint: the network.
        sample: pictures to fine-tune on.
        share: share of zero weights in each kernel.
        tuning: settings of the fine-tuning.
        progress: called with the number of finished steps.

    Raises:
        ToolError: as many weights are zero already, or the checkpoint does not fit its architecture.
    """
    before = measure_sparsity(checkpoint.weights)
    if before >= share:
        raise ToolError(
            f"nothing to prune: {before:.0%} of the weights are zero already; the requested share is {share:.0%}"
        )
    prune = partial(
        tfmot.sparsity.keras.prune_low_magnitude,
        pruning_schedule=_make_schedule(before, share, tuning.steps),
    )
    model = wrap_convolutions(restore_net(checkpoint), prune)
    _fine_tune_pruned(model, sample, tuning, progress)
    with custom_layer_scope():
        stripped = tfmot.sparsity.keras.strip_pruning(model)
    return replace(checkpoint, weights=extract_weights(stripped))


def _make_schedule(before: float, after: float, steps: int) -> Any:
    every = max(1, int(_PRUNING_SHARE * steps) // _MASK_UPDATES)
    last = max(1, int(_PRUNING_SHARE * steps) // every) * every
    return tfmot.sparsity.keras.PolynomialDecay(
        initial_sparsity=before, final_sparsity=after, begin_step=0, end_step=last, frequency=every
    )


def _fine_tune_pruned(
    model: keras.Model, sample: PictureSample, tuning: FineTuneSettings, progress: StepCallback
) -> None:
    """Fine-tune the wrapped network, and update the masks as the toolkit's Keras callback does."""
    callback = tfmot.sparsity.keras.UpdatePruningStep()
    callback.set_model(model)
    callback.on_train_begin()

    def on_step(done: int) -> None:
        callback.on_train_batch_begin(done)
        progress(done)

    fine_tune(model, sample, tuning=tuning, progress=on_step)
    callback.on_epoch_end(0)  # applies the last mask to the last weights


def measure_sparsity(weights: Mapping[str, NDArray[np.float32]]) -> float:
    """Return the share of zero weights in the kernels that are pruned.

    Args:
        weights: by ``layer/variable``: arrays of any shape, float32.
    """
    kernels = [array for name, array in weights.items() if name.endswith("/kernel")]
    return sum(int((k == 0).sum()) for k in kernels) / sum(k.size for k in kernels)
