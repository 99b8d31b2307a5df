"""The net that a training begins with."""

from dataclasses import replace

from msgspec import structs

from edged_models.detector.architecture import Architecture
from edged_models.detector.checkpoint import Checkpoint, Origin
from edged_models.detector.net import build
from edged_models.detector.weights import extract_weights
from edged_models.tensorflow import keras


def create_fresh_checkpoint(architecture: Architecture, *, side_px: int, seed: int) -> Checkpoint:
    """A net that has learnt nothing; the same seed, the same weights."""
    keras.utils.set_random_seed(seed)
    weights = extract_weights(build(architecture))
    return Checkpoint(
        architecture=architecture,
        side_px=side_px,
        weights=weights,
        origin=Origin(command="train", seed=seed),
    )


def adapt_to_labels(trained: Checkpoint, labels: tuple[str, ...], *, seed: int) -> Checkpoint:
    """A trained net that shall find something else: all that fits is kept, the scores begin anew."""
    if trained.architecture.labels == labels:
        return trained
    architecture = structs.replace(trained.architecture, labels=labels)
    begun = create_fresh_checkpoint(architecture, side_px=trained.side_px, seed=seed)
    kept = {
        name: array
        for name, array in trained.weights.items()
        if not name.split("/")[0].endswith("_score")
    }
    weights = {name: kept.get(name, array) for name, array in begun.weights.items()}
    return replace(begun, weights=weights, origin=trained.origin)
