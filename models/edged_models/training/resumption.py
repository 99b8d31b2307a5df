"""The files of an earlier run of a training: whether this run may go on with them."""

from collections.abc import Sequence
from pathlib import Path

from edged_models.errors import SourceError
from edged_models.training.journal import (
    JournalLine,
    TrainingEnd,
    TrainingStart,
    TrainingStep,
    read_journal,
)

_SETTINGS = {
    "seed": "--seed",
    "minutes": "--minutes",
    "steps": "--steps",
    "rate": "--rate",
    "sides_px": "--sides",
    "training_data": "the training data",
    "start": "the initial weights",
    "validation_data": "the validation pictures",
    "keep": "--keep",
}
"""Fields of `TrainingStart` on which the result depends, and what a user calls them."""


def check_same_training(path: Path, settings: TrainingStart) -> tuple[JournalLine, ...]:
    """Return the lines of a journal if it began with these settings.

    Args:
        path: the journal.
        settings: what this run would write as its first line.

    Raises:
        SourceError: the journal cannot be read, or a setting differs.
    """
    lines = read_journal(path)
    began = lines[0] if lines else None
    if not isinstance(began, TrainingStart):
        raise SourceError(
            f"{path} does not begin with the settings of a training: train without --resume"
        )
    differences = [
        f"{name} was {_format(getattr(began, field))}, and is {_format(getattr(settings, field))}"
        for field, name in _SETTINGS.items()
        if getattr(began, field) != getattr(settings, field)
        and not (field == "steps" and settings.minutes is not None)
    ]
    if differences:
        raise SourceError(
            f"{path.with_suffix('')} is a training with other settings: {'; '.join(differences)}. "
            "Give the same settings, another --out, or omit --resume"
        )
    return lines


def keep_lines_until(lines: Sequence[JournalLine], step: int) -> list[JournalLine]:
    """Return the lines up to a step: an interrupted run may have written lines after it saved its state."""
    return [
        line
        for line in lines
        if not isinstance(line, TrainingStep | TrainingEnd) or line.step <= step
    ]


def _format(value: object) -> str:
    if isinstance(value, tuple):
        return " ".join(map(str, value))
    if isinstance(value, str):
        return value[:24] + ("…" if len(value) > 24 else "")  # noqa: PLR2004  # a digest
    return "not set" if value is None else str(value)
