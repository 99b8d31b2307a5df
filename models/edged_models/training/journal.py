"""The journal of a training: one JSON object a line, appended as the training proceeds."""

from collections.abc import Sequence
from enum import StrEnum
from pathlib import Path

import msgspec
from msgspec import Struct

from edged_models.errors import SourceError, ToolError
from edged_models.files import write_bytes


class Keep(StrEnum):
    """The choice of the weights that are the result of a training."""

    BEST = "best"
    """Those with the highest AP50 on the validation pictures."""
    LAST = "last"
    """Those after the last step."""


class EndReason(StrEnum):
    """The reason why a training ended."""

    COMPLETE = "complete"
    NO_IMPROVEMENT = "no improvement"
    """For as many validations as `--patience` says."""


class TrainingStart(Struct, frozen=True, kw_only=True, tag="began"):
    """The first line: the settings of the training.

    Attributes:
        seed: seed of all random numbers.
        steps: number of batches; with `minutes` an estimate.
        minutes: time limit of the training; None without one.
        rate: the highest learning rate.
        sides_px: sides of the square inputs, pixels; half of the batches have the first.
        training_data: digest of the training data.
        start: digest of the initial weights.
        parameters: number of parameters of the net.
        tensorflow: version of TensorFlow.
        machine: architecture of the processor.
        validation_data: name of the pictures for validation; None in journals of older versions, and without validation.
        keep: which weights are the result.
    """

    seed: int
    steps: int
    minutes: float | None = None
    rate: float
    sides_px: tuple[int, ...]
    training_data: str = msgspec.field(name="lessons")
    start: str
    parameters: int
    tensorflow: str
    machine: str
    validation_data: str | None = None
    keep: Keep = Keep.LAST


class TrainingResumption(Struct, frozen=True, kw_only=True, tag="resumed"):
    """An interrupted training goes on.

    Attributes:
        step: number of batches so far.
        tensorflow: version of TensorFlow.
        machine: architecture of the processor.
    """

    step: int
    tensorflow: str
    machine: str


class TrainingEnd(Struct, frozen=True, kw_only=True, tag="ended"):
    """The last line: the result.

    Attributes:
        step: number of batches.
        reason: why the training ended.
        result_step: number of batches after which the network had the weights that are the result.
        weights: digest of these weights.
        ap50: their AP50 on the validation pictures; None without validation.
    """

    step: int
    reason: EndReason
    result_step: int
    weights: str
    ap50: float | None = None


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


JournalLine = TrainingStart | TrainingStep | TrainingResumption | TrainingEnd


class Journal:
    """A journal file to which lines are appended."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def begin(self, lines: Sequence[JournalLine]) -> None:
        """Replace the file by these lines.

        Raises:
            ToolError: the file cannot be written.
        """
        write_bytes(self.path, b"".join(map(_encode, lines)))

    def write(self, line: JournalLine) -> None:
        """Append a line.

        Raises:
            ToolError: the file cannot be written.
        """
        try:
            with self.path.open("ab") as file:
                file.write(_encode(line))
        except OSError as error:
            raise ToolError(f"cannot write {self.path}: {error.strerror or error}") from error


def _encode(line: JournalLine) -> bytes:
    return msgspec.json.encode(line) + b"\n"


def find_result_digest(lines: Sequence[JournalLine]) -> str | None:
    """Return the digest of the weights that a journal has as its result; None without a step."""
    last = next(
        (line for line in reversed(lines) if isinstance(line, TrainingEnd | TrainingStep)), None
    )
    return last.weights if last else None


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
