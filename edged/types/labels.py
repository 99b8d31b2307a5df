"""Names of classes."""

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
