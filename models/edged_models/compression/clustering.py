"""Weight clustering: each kernel gets along with a few different values, which compress well."""

from collections.abc import Mapping
from dataclasses import replace

import numpy as np
import tensorflow_model_optimization as tfmot
from numpy.typing import NDArray

from edged_models.compression.fine_tune import fine_tune
from edged_models.compression.sample import Sample
from edged_models.compression.tuning import Progress, Tuning, silent
from edged_models.compression.wrapping import custom_layers, with_wrapped_convolutions
from edged_models.detector.checkpoint import Checkpoint
from edged_models.detector.weights import extract, restore
from edged_models.errors import ToolError


def clustered(
    checkpoint: Checkpoint,
    sample: Sample,
    *,
    clusters: int,
    tuning: Tuning,
    progress: Progress = silent,
) -> Checkpoint:
    """Leave each convolution across channels that many different weights, found by k-means and then learnt.

    Raises:
        ToolError: no kernel has more than that.
    """
    if most_values(checkpoint.weights) <= clusters:
        raise ToolError(f"nothing to cluster: no kernel has more than {clusters} different weights")
    start = tfmot.clustering.keras.CentroidInitialization.KMEANS_PLUS_PLUS
    model = with_wrapped_convolutions(
        restore(checkpoint),
        lambda layer: tfmot.clustering.keras.cluster_weights(
            layer, number_of_clusters=clusters, cluster_centroids_init=start
        ),
    )
    fine_tune(model, sample, tuning=tuning, progress=progress)
    with custom_layers():
        stripped = tfmot.clustering.keras.strip_clustering(model)
    return replace(checkpoint, weights=extract(stripped))


def most_values(weights: Mapping[str, NDArray[np.float32]]) -> int:
    """Different values in the kernel that has most of them."""
    return max(len(np.unique(k)) for name, k in weights.items() if name.endswith("/kernel"))
