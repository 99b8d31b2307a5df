"""The checkpoint with which a training starts."""

from dataclasses import replace

from msgspec import structs

from edged_models.detector.architecture import Architecture
from edged_models.detector.checkpoint import Checkpoint, Origin
from edged_models.detector.net import build
from edged_models.detector.weights import extract_weights
from edged_models.tensorflow import keras


def create_fresh_checkpoint(architecture: Architecture, *, side_px: int, seed: int) -> Checkpoint:
    """Create a net with random weights; the same seed gives the same weights.

    Args:
        architecture: channels and classes of the net.
        side_px: side of the square input, pixels.
        seed: determines the weights.
    """
    keras.utils.set_random_seed(seed)
    weights = extract_weights(build(architecture))
    return Checkpoint(
        architecture=architecture,
        side_px=side_px,
        weights=weights,
        origin=Origin(command="train", seed=seed),
    )


def adapt_to_labels(trained: Checkpoint, labels: tuple[str, ...], *, seed: int) -> Checkpoint:
    """Adapt a trained net to other labels: the layers that compute scores get new weights, all others are kept.

    Args:
        trained: the trained checkpoint.
        labels: the new class names.
        seed: determines the new weights.
    """
    if trained.architecture.labels == labels:
        return trained
    architecture = structs.replace(trained.architecture, labels=labels)
    fresh = create_fresh_checkpoint(architecture, side_px=trained.side_px, seed=seed)
    kept = {
        name: array
        for name, array in trained.weights.items()
        if not name.split("/")[0].endswith("_score")
    }
    weights = {name: kept.get(name, array) for name, array in fresh.weights.items()}
    return replace(fresh, weights=weights, origin=trained.origin)
