"""The provenance of the bundled models: a file beside them, every entry of which can be checked."""

from hashlib import sha256
from pathlib import Path
from typing import Literal

import msgspec
import numpy as np
from msgspec import Struct

from edged.text import to_utf8
from edged_models.errors import SourceError
from edged_models.training.training_samples import DrawnSampleSource, TrainingSample

PROVENANCE_FILE = "provenance.json"
SCENE_COUNT = 40
"""Number of scenes whose digest represents the recipe: enough to include every kind of background and mark."""
_MAX_SKETCH_DIFFERENCE = 0.1


class FileDigest(Struct, frozen=True, kw_only=True):
    """The digest of a file.

    Attributes:
        file: name of a file beside the provenance.
        sha256: hexadecimal digest of it.
    """

    file: str
    sha256: str


class ReleasedModel(FileDigest, frozen=True, kw_only=True):
    """A released model file.

    Attributes:
        bytes: size of the file.
        side_px: side of the square input, pixels.
        head: the kind of outputs.
        calibrated_on: number of calibration pictures.
    """

    bytes: int
    side_px: int
    head: str
    calibrated_on: int


class SceneDigest(Struct, frozen=True, kw_only=True):
    """The digest of the first training scenes.

    Attributes:
        recipe: version of the scenes.
        seed: seed of the training.
        count: number of scenes.
        sha256: digest over their pictures and boxes; it differs on other processors, where the last bits of a few pixels differ.
        sketches: for each scene the mean red, green and blue, 0..255, the number of boxes, and their mean coordinate, by which it is
            recognised on other processors.
    """

    recipe: int
    seed: int
    count: int
    sha256: str
    sketches: tuple[tuple[float, ...], ...]

    def matches(self, other: "SceneDigest") -> bool:
        """Return whether the other scenes are the same except for the last bits."""
        ours, theirs = np.array(self.sketches), np.array(other.sketches)
        return ours.shape == theirs.shape and bool(
            np.abs(ours - theirs).max() <= _MAX_SKETCH_DIFFERENCE
        )


class Provenance(Struct, frozen=True, kw_only=True):
    """The provenance of the bundled models.

    Attributes:
        schema: version of the file format.
        version: version of the models.
        checkpoint: the trained weights.
        weights: digest of the weights' values.
        start: the checkpoint with which training started.
        journal: the journal of the training.
        scenes: the training data.
        calibration: the pictures with which the models were quantised.
        tensorflow: version that trained and converted.
        models: the files converted from the checkpoint.
    """

    schema: Literal[1] = 1
    version: str
    checkpoint: FileDigest
    weights: str
    start: FileDigest
    journal: FileDigest
    scenes: SceneDigest
    calibration: str
    tensorflow: str
    models: tuple[ReleasedModel, ...]

    def encode(self) -> bytes:
        """Return the content of the file."""
        return msgspec.json.format(msgspec.json.encode(self), indent=2) + b"\n"


def read_provenance(folder: Path) -> Provenance:
    """Read the provenance in a folder.

    Raises:
        SourceError: the file is missing, or is not a provenance.
    """
    path = folder / PROVENANCE_FILE
    try:
        return msgspec.json.decode(to_utf8(path.read_bytes()), type=Provenance)
    except OSError as error:
        raise SourceError(f"cannot read {path}: {error.strerror or error}") from error
    except msgspec.MsgspecError as error:
        raise SourceError(
            f"{path} is not a provenance of `edged-models release`: {error}"
        ) from error


def digest_file(path: Path) -> FileDigest:
    """Return the name and the digest of a file.

    Raises:
        SourceError: the file cannot be read.
    """
    try:
        return FileDigest(file=path.name, sha256=sha256(path.read_bytes()).hexdigest())
    except OSError as error:
        raise SourceError(f"cannot read {path}: {error.strerror or error}") from error


def digest_first_scenes(*, recipe: int, seed: int, count: int) -> SceneDigest:
    """Draw the first scenes of a training on this machine, and return their digest.

    Args:
        recipe: version of the scenes.
        seed: seed of the training.
        count: number of scenes.
    """
    sha, draw, sketches = sha256(), DrawnSampleSource(seed), []
    for number in range(count):
        sample = draw(number)
        sha.update(np.ascontiguousarray(sample.image).tobytes())
        sha.update(np.ascontiguousarray(sample.truth).tobytes())
        sketches.append(_sketch_sample(sample))
    return SceneDigest(
        recipe=recipe, seed=seed, count=count, sha256=sha.hexdigest(), sketches=tuple(sketches)
    )


def _sketch_sample(sample: TrainingSample) -> tuple[float, ...]:
    boxes = sample.truth[sample.truth[:, 4] >= 0, :4]
    mean = float(boxes.mean()) if len(boxes) else 0.0
    sketch = (*sample.image.mean(axis=(0, 1)).tolist(), float(len(boxes)), mean)
    return tuple(round(value, 3) for value in sketch)
