"""Checkpoints: one .npz file with the network's architecture, its weights by name, and their origin."""

import io
import zipfile
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

import msgspec
import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

from edged_models.detector.architecture import Architecture
from edged_models.errors import SourceError
from edged_models.files import write_bytes

SUFFIX = ".npz"
_HEADER = "checkpoint.json"
_FORMAT = 1


class Origin(Struct, frozen=True, kw_only=True):
    """The origin of weights. In files, an empty text means "not recorded".

    Attributes:
        command: the command that made them: ``train``, ``prune`` ...
        seed: seed of all random numbers.
        steps: number of batches trained on.
        training_data: digest of the training data.
        start: digest of the weights at the start of the training.
    """

    command: str
    seed: int = 0
    steps: int = 0
    training_data: str = msgspec.field(default="", name="lessons")
    start: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Checkpoint:
    """A trained network.

    Attributes:
        architecture: its layers and classes.
        side_px: side of the square input that it was trained for; the largest, if several.
        weights: by ``layer/variable``: arrays of any shape, float32.
        origin: where the weights come from.
    """

    architecture: Architecture
    side_px: int
    weights: dict[str, NDArray[np.float32]]
    origin: Origin

    def digest(self) -> str:
        """Return the SHA-256 over the names, shapes and values of the weights."""
        sha = sha256()
        for name in sorted(self.weights):
            array = np.ascontiguousarray(self.weights[name], np.float32)
            sha.update(f"{name} {array.shape}\n".encode())
            sha.update(array.tobytes())
        return sha.hexdigest()

    def count_parameters(self) -> int:
        """Return the number of the network's parameters, statistics of normalisations included."""
        return sum(array.size for array in self.weights.values())

    def save(self, path: Path) -> None:
        """Write the checkpoint to a file; the same checkpoint gives the same bytes.

        Raises:
            ToolError: the file cannot be written.
        """
        header = _Header(
            format=_FORMAT,
            architecture=self.architecture,
            side_px=self.side_px,
            origin=self.origin,
        )
        octets = np.frombuffer(msgspec.json.encode(header), np.uint8)
        content = io.BytesIO()
        np.savez(content, **{_HEADER: octets}, **self.weights)
        write_bytes(path, content.getvalue())


class _Header(Struct, frozen=True, kw_only=True):
    format: int
    architecture: Architecture
    side_px: int
    origin: Origin


def load_checkpoint(path: Path) -> Checkpoint:
    """Read a file that `Checkpoint.save` wrote.

    Raises:
        SourceError: the file is missing, is not a checkpoint, is damaged, or has a newer format.
    """
    try:
        with np.load(path, allow_pickle=False) as arrays:
            header = msgspec.json.decode(arrays[_HEADER].tobytes(), type=_Header)
            weights = {name: arrays[name] for name in arrays.files if name != _HEADER}
    except OSError as error:
        raise SourceError(f"cannot read {path}: {error.strerror or error}") from error
    except (
        KeyError,  # another .npz
        AttributeError,  # a bare array
        ValueError,
        EOFError,
        zipfile.BadZipFile,
        msgspec.MsgspecError,
    ) as error:
        reason = f"{path} is not a checkpoint of `edged-models train`, or is damaged: {error}"
        raise SourceError(reason) from error
    if header.format != _FORMAT:
        raise SourceError(
            f"{path} has checkpoint format {header.format}; this version of edged-models reads format {_FORMAT}"
        )
    return Checkpoint(
        architecture=header.architecture,
        side_px=header.side_px,
        weights=weights,
        origin=header.origin,
    )
