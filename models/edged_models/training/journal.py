"""The journal of a training: one JSON object a line, appended as the training proceeds."""

from pathlib import Path

import msgspec
from msgspec import Struct

from edged_models.errors import SourceError, ToolError


class TrainingStart(Struct, frozen=True, kw_only=True, tag="began"):
    """The first line: the settings of the training.

    Attributes:
        seed: seed of all random numbers.
        steps: number of batches.
        rate: the highest learning rate.
        sides_px: sides of the square inputs, pixels; half of the batches have the first.
        training_data: digest of the training data.
        start: digest of the initial weights.
        parameters: number of parameters of the net.
        tensorflow: version of TensorFlow.
        machine: architecture of the processor.
    """

    seed: int
    steps: int
    rate: float
    sides_px: tuple[int, ...]
    training_data: str = msgspec.field(name="lessons")
    start: str
    parameters: int
    tensorflow: str
    machine: str


class TrainingStep(Struct, frozen=True, kw_only=True, tag="step"):
    """The state after a step, with means over the batches since the previous line.

    Attributes:
        step: number of batches so far.
        cpu_s: processor time of the training process so far, s.
        total: the total loss.
        box: the loss of the boxes.
        score: the loss of the scores.
        iou: mean IoU of the boxes at cells that are assigned to an object.
        right: share of those cells whose best class is the true one.
        weights: digest of the averaged weights.
        ap50: AP50 on the validation pictures; None where it was not measured.
    """

    step: int
    cpu_s: float
    total: float
    box: float
    score: float
    iou: float
    right: float
    weights: str
    ap50: float | None = None


JournalLine = TrainingStart | TrainingStep


class Journal:
    """A journal file to which lines are appended."""

    def __init__(self, path: Path, *, truncate: bool) -> None:
        """Open the journal; with `truncate` discard an earlier one.

        Raises:
            ToolError: the file cannot be written.
        """
        self.path = path
        if truncate:
            try:
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_bytes(b"")
            except OSError as error:
                raise ToolError(f"cannot write {path}: {error.strerror or error}") from error

    def write(self, line: JournalLine) -> None:
        """Append a line.

        Raises:
            ToolError: the file cannot be written.
        """
        try:
            with self.path.open("ab") as file:
                file.write(msgspec.json.encode(line) + b"\n")
        except OSError as error:
            raise ToolError(f"cannot write {self.path}: {error.strerror or error}") from error


def read_journal(path: Path) -> tuple[JournalLine, ...]:
    """Read all lines of a journal.

    Raises:
        SourceError: the file cannot be read, or is not a journal.
    """
    try:
        return tuple(
            msgspec.json.decode(line, type=JournalLine) for line in path.read_bytes().splitlines()
        )
    except OSError as error:
        raise SourceError(f"cannot read {path}: {error.strerror or error}") from error
    except msgspec.MsgspecError as error:
        raise SourceError(f"{path} is not the journal of a training: {error}") from error
