"""The names of a model's classes."""

from collections.abc import Sequence

UNNAMED_LABELS = ("", "???")
"""Entries of label lists for a class without a name."""


def label_of(labels: Sequence[str], class_id: int) -> str:
    """Return the name of a class; ``class-7`` if the label list has none for it.

    Args:
        labels: labels by class id.
        class_id: the class id, from 0.
    """
    name = labels[class_id] if class_id < len(labels) else ""
    return f"class-{class_id}" if name in UNNAMED_LABELS else name


class ClassNames(dict[int, str]):
    """The name of each class by its id, as from `label_of`, at the cost of one look-up.

    A class beyond the label list is named when it is asked for, and not stored: a model may report any number.
    """

    def __init__(self, labels: Sequence[str]) -> None:
        """Name the classes of a label list, whose entries are by class id."""
        super().__init__({class_id: label_of(labels, class_id) for class_id in range(len(labels))})

    def __missing__(self, class_id: int) -> str:
        return label_of((), class_id)
