"""Weight clustering: each kernel has only a few different values, so that the file compresses well."""

from collections.abc import Mapping
from dataclasses import replace
from functools import partial

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


def cluster_checkpoint(
    checkpoint: Checkpoint,
    sample: PictureSample,
    *,
    clusters: int,
    tuning: FineTuneSettings,
    progress: StepCallback = ignore_progress,
) -> Checkpoint:
    """Cluster the weights of each convolution across channels: k-means first, then fine-tuning of the centroids.

    Args:
        checkpoint: the network.
        sample: pictures to fine-tune on.
        clusters: number of different weights in a kernel.
        tuning: settings of the fine-tuning.
        progress: called with the number of finished steps.

    Raises:
        ToolError: no kernel has more than `clusters` different weights, or the checkpoint does not fit its architecture.
    """
    if count_max_distinct_values(checkpoint.weights) <= clusters:
        raise ToolError(f"nothing to cluster: no kernel has more than {clusters} different weights")
    cluster = partial(
        tfmot.clustering.keras.cluster_weights,
        number_of_clusters=clusters,
        cluster_centroids_init=tfmot.clustering.keras.CentroidInitialization.KMEANS_PLUS_PLUS,
    )
    model = wrap_convolutions(restore_net(checkpoint), cluster)
    fine_tune(model, sample, tuning=tuning, progress=progress)
    with custom_layer_scope():
        stripped = tfmot.clustering.keras.strip_clustering(model)
    return replace(checkpoint, weights=extract_weights(stripped))


def count_max_distinct_values(weights: Mapping[str, NDArray[np.float32]]) -> int:
    """Return the number of different values in the kernel that has most of them.

    Args:
        weights: by ``layer/variable``: arrays of any shape, float32.
    """
    return max(len(np.unique(k)) for name, k in weights.items() if name.endswith("/kernel"))
