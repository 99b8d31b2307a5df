"""The account of a training: one JSON object a line, written as it goes."""

from pathlib import Path

import msgspec
from msgspec import Struct

from edged_models.errors import SourceError, ToolError


class TrainingStart(Struct, frozen=True, kw_only=True, tag="began"):
    """What a training set out to do.

    Attributes:
        seed: of all that chance decides.
        steps: how many batches.
        rate: of learning, at its peak.
        sides_px: of the pictures; half of the batches have the first.
        training_data: digest of what there was to learn from.
        start: digest of the weights at the beginning.
        parameters: how many numbers the net has.
        tensorflow: its version.
        machine: the processor.
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
    """Means over the batches since the last line.

    Attributes:
        step: batches learnt from.
        cpu_s: processor time of the training process so far.
        total: the loss; its parts follow.
        iou: of boxes at the marks' cells.
        right: share of the marks' cells whose best class is the true one.
        weights: digest of the averaged weights.
        ap50: on the pictures for validation; None where it was not measured.
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
    """A file that grows by lines."""

    def __init__(self, path: Path, *, truncate: bool) -> None:
        self.path = path
        if truncate:
            try:
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_bytes(b"")
            except OSError as error:
                raise ToolError(f"cannot write {path}: {error.strerror or error}") from error

    def write(self, line: JournalLine) -> None:
        """Add a line.

        Raises:
            ToolError: it cannot be written.
        """
        try:
            with self.path.open("ab") as file:
                file.write(msgspec.json.encode(line) + b"\n")
        except OSError as error:
            raise ToolError(f"cannot write {self.path}: {error.strerror or error}") from error


def read_journal(path: Path) -> tuple[JournalLine, ...]:
    """All lines of a journal.

    Raises:
        SourceError: it cannot be read, or is none.
    """
    try:
        return tuple(
            msgspec.json.decode(line, type=JournalLine) for line in path.read_bytes().splitlines()
        )
    except OSError as error:
        raise SourceError(f"cannot read {path}: {error.strerror or error}") from error
    except msgspec.MsgspecError as error:
        raise SourceError(f"{path} is not the journal of a training: {error}") from error
