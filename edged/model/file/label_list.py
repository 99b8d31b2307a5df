"""A list of labels: one for each class id, "" where a class has none."""

from collections.abc import Iterable
from dataclasses import dataclass

_MAX_LABELS = 100_000


class LabelError(ValueError):
    """A label file has no form that can be read in one way only."""

    def __init__(self, message: str, *, line: int | None = None) -> None:
        """Make the error.

        Args:
            message: what is wrong, and what was expected.
            line: number of the line, from 1; None for the file as a whole.
        """
        super().__init__(message if line is None else f"line {line}: {message}")


@dataclass(frozen=True, slots=True, kw_only=True)
class NumberedLabel:
    """A label with its class id.

    Attributes:
        class_id: the class id in the file.
        label: the name; "" for none.
        line: number of the line where it stands, from 1; None if that is not known.
    """

    class_id: int
    label: str
    line: int | None = None


def order_labels(entries: Iterable[NumberedLabel]) -> tuple[str, ...]:
    """Return the labels by class id; "" for an id that is missing.

    Raises:
        LabelError: a class id is out of range, or has two names.
    """
    labels: dict[int, str] = {}
    for entry in entries:
        if not 0 <= entry.class_id < _MAX_LABELS:
            message = f"the class id {entry.class_id} is not between 0 and {_MAX_LABELS - 1}"
            raise LabelError(message, line=entry.line)
        known = labels.setdefault(entry.class_id, entry.label)
        if known != entry.label:
            message = f'the class id {entry.class_id} has two names, "{known}" and "{entry.label}"'
            raise LabelError(message, line=entry.line)
    return tuple(labels.get(index, "") for index in range(max(labels, default=-1) + 1))
