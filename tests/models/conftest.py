"""Fixtures of the toolchain's tests: a small untrained network, and a few drawn scenes."""

from pathlib import Path

import pytest

from edged.marks import MARK_LABELS
from edged_models.detector.architecture import Architecture
from edged_models.detector.checkpoint import Checkpoint, Origin
from edged_models.detector.net import build
from edged_models.detector.weights import extract_weights
from edged_models.pictures.labelled import PictureSet
from edged_models.pictures.open_pictures import open_pictures
from edged_models.tensorflow import keras


@pytest.fixture(scope="session")
def checkpoint() -> Checkpoint:
    """Return a network with a quarter of the standard width, random weights, and an input of 96 px."""
    keras.utils.set_random_seed(1)
    architecture = Architecture.of_width(MARK_LABELS, 0.25)
    weights = extract_weights(build(architecture))
    return Checkpoint(
        architecture=architecture, side_px=96, weights=weights, origin=Origin(command="test")
    )


@pytest.fixture(scope="session")
def checkpoint_file(checkpoint: Checkpoint, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the path of the same network on disk."""
    path = tmp_path_factory.mktemp("checkpoint") / "small.npz"
    checkpoint.save(path)
    return path


@pytest.fixture(scope="session")
def scenes() -> PictureSet:
    """Return twelve held-out scenes."""
    return open_pictures("scenes:held-out:12")
