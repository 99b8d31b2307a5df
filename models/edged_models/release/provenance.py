"""Where the bundled model comes from: a file beside it, every line of which can be checked."""

from hashlib import sha256
from pathlib import Path
from typing import Literal

import msgspec
import numpy as np
from msgspec import Struct

from edged_models.errors import SourceError
from edged_models.training.training_samples import DrawnSampleSource

PROVENANCE_FILE = "provenance.json"
SCENE_COUNT = 40
"""Scenes whose digest stands for the recipe: enough to see every kind of ground and mark."""
_MAX_SKETCH_DIFFERENCE = 0.1


class FileDigest(Struct, frozen=True, kw_only=True):
    """A file beside this one, and its SHA-256."""

    file: str
    sha256: str


class ReleasedModel(FileDigest, frozen=True, kw_only=True):
    """A model file: how large, for what input, giving what, quantised by how many pictures."""

    bytes: int
    side_px: int
    head: str
    calibrated_on: int


class SceneDigest(Struct, frozen=True, kw_only=True):
    """The first scenes that were learnt from.

    Attributes:
        recipe: version of the scenes.
        seed: of the training.
        count: how many.
        sha256: over their pictures and boxes; on other processors the last bits of a few pixels differ, and so it does.
        sketches: of each, so that it is known again there: mean red, green and blue, 0..255, and of its boxes the number and the mean corner.
    """

    recipe: int
    seed: int
    count: int
    sha256: str
    sketches: tuple[tuple[float, ...], ...]

    def matches(self, other: "SceneDigest") -> bool:
        """Whether the other ones are the same but for the last bits."""
        mine, others = np.array(self.sketches), np.array(other.sketches)
        return mine.shape == others.shape and bool(
            np.abs(mine - others).max() <= _MAX_SKETCH_DIFFERENCE
        )


class Provenance(Struct, frozen=True, kw_only=True):
    """All of it.

    Attributes:
        schema: of this file's form.
        version: of the model.
        checkpoint: the trained weights.
        weights: digest of the numbers in it.
        start: the weights that training began with.
        journal: the training's account.
        scenes: what was learnt from.
        calibration: the pictures that the quantisation saw.
        tensorflow: version that trained and converted.
        models: the files that were made of the checkpoint.
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
        """The file's content."""
        return msgspec.json.format(msgspec.json.encode(self), indent=2) + b"\n"


def read_provenance(folder: Path) -> Provenance:
    """Read it.

    Raises:
        SourceError: it is missing, or no provenance.
    """
    path = folder / PROVENANCE_FILE
    try:
        return msgspec.json.decode(path.read_bytes(), type=Provenance)
    except OSError as error:
        raise SourceError(f"cannot read {path}: {error.strerror or error}") from error
    except msgspec.MsgspecError as error:
        raise SourceError(f"{path} is no provenance of `edged-models release`: {error}") from error


def digest_file(path: Path) -> FileDigest:
    """A file's name and digest.

    Raises:
        SourceError: it cannot be read.
    """
    try:
        return FileDigest(file=path.name, sha256=sha256(path.read_bytes()).hexdigest())
    except OSError as error:
        raise SourceError(f"cannot read {path}: {error.strerror or error}") from error


def digest_first_scenes(*, recipe: int, seed: int, count: int) -> SceneDigest:
    """The first scenes of a training, as this machine draws them."""
    sha, lessons, sketches = sha256(), DrawnSampleSource(seed), []
    for number in range(count):
        one = lessons(number)
        sha.update(np.ascontiguousarray(one.image).tobytes())
        sha.update(np.ascontiguousarray(one.truth).tobytes())
        boxes = one.truth[one.truth[:, 4] >= 0, :4]
        corner = float(boxes.mean()) if len(boxes) else 0.0
        sketch = (*one.image.mean(axis=(0, 1)).tolist(), float(len(boxes)), corner)
        sketches.append(tuple(round(value, 3) for value in sketch))
    return SceneDigest(
        recipe=recipe, seed=seed, count=count, sha256=sha.hexdigest(), sketches=tuple(sketches)
    )
