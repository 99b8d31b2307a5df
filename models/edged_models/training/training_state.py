"""The state of an interrupted training on disk."""

import io
import zipfile
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from edged_models.errors import SourceError
from edged_models.files import write_bytes

Arrays = list[NDArray[np.float32]]
_GROUPS = ("weights", "average", "optimizer", "best")
_NUMBERS = ("step", "spent_s", "best_step", "best_ap50", "validations_since_best")


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainingState:
    """Everything on which the next step depends.

    Attributes:
        step: number of batches so far.
        weights: weights of the net in its own order, float32.
        average: moving average of the weights, float32.
        optimizer: variables of the optimizer, float32.
        spent_s: time of the training so far, s.
        best: the averages with the highest AP50 so far, float32; empty if they are not kept.
        best_step: number of batches after which the net had them; 0 without a validation so far.
        best_ap50: their AP50; -1 without a validation so far.
        validations_since_best: number of validations after that one.
    """

    step: int
    weights: Arrays
    average: Arrays
    optimizer: Arrays
    spent_s: float = 0.0
    best: Arrays = field(default_factory=list)
    best_step: int = 0
    best_ap50: float = -1.0
    validations_since_best: int = 0

    def save(self, path: Path) -> None:
        """Write the state to a file.

        Raises:
            ToolError: the file cannot be written.
        """
        arrays = {
            f"{group}-{i:04d}": a for group in _GROUPS for i, a in enumerate(getattr(self, group))
        }
        content = io.BytesIO()
        np.savez(content, **{name: getattr(self, name) for name in _NUMBERS}, **arrays)
        write_bytes(path, content.getvalue())


def load_state(path: Path) -> TrainingState:
    """Read a file of `TrainingState.save`.

    Raises:
        SourceError: the file does not exist, or is damaged.
    """
    try:
        with np.load(path, allow_pickle=False) as arrays:
            groups = {
                group: [arrays[n] for n in sorted(arrays.files) if n.startswith(f"{group}-")]
                for group in _GROUPS
            }
            return TrainingState(**{name: arrays[name].item() for name in _NUMBERS}, **groups)
    except OSError as error:
        raise SourceError(f"cannot read {path}: {error.strerror or error}") from error
    except (KeyError, ValueError, EOFError, zipfile.BadZipFile) as error:
        raise SourceError(f"{path} is damaged: {error}; train without --resume") from error
