"""The rule that ties a label list to a model's number of classes. Every family applies it."""

from edged.types import UNNAMED_LABELS, ModelSignature

_BACKGROUND_LABELS = ("background", "__background__", "unlabeled", "unlabelled")
_MAX_NAME_CHARS = 20


def is_background(label: str) -> bool:
    """Return whether a label is a usual name of the class of everything else."""
    return label.lower() in _BACKGROUND_LABELS


def find_class_offset(
    signature: ModelSignature, class_count: int | None, *, counts_background: bool = False
) -> int | str:
    """Return the index of the label of class 0, or a clause that says why the labels are not those of the model.

    A list fits if it has a label for each class; or one more, if the first has no name or is the background, as in label maps and other
    lists that number the classes from 1. A list that has a label for each class only because it counts such a first one is one short.

    Args:
        signature: the model; its labels are used.
        class_count: number of classes that the model reports; None if its graph does not show it: then that of its metadata counts.
        counts_background: class 0 may be called background, or have no name.

    Returns:
        0 or 1, or the clause.
    """
    labels = signature.metadata.labels
    if not labels:
        return 0
    if class_count is None:
        class_count = signature.metadata.class_count
    is_first_unused = labels[0] in UNNAMED_LABELS or is_background(labels[0])
    is_one_short = is_first_unused and not (counts_background and labels[0])
    if class_count is None:
        # A class 0 without a name is more often that of a list from 1 than one of the model.
        return int(is_one_short or labels[0] in UNNAMED_LABELS)
    if len(labels) == class_count + 1 and is_first_unused:
        return 1
    if len(labels) != class_count:
        return _describe_mismatch(labels, class_count)
    return _describe_shortage(labels[0], class_count) if is_one_short else 0


def class_offset(signature: ModelSignature, class_count: int | None) -> int:
    """Return the index of the label of class 0, for labels that fit and a class 0 that may be called background."""
    found = find_class_offset(signature, class_count, counts_background=True)
    return 0 if isinstance(found, str) else found


def _describe_mismatch(labels: tuple[str, ...], class_count: int) -> str:
    named = len(labels) - (not labels[0])  # a list that counts from 1 has no entry 0
    clause = f"its output has {_count_classes(class_count)} and its label list {named}"
    if len(labels) == class_count + 1:
        first = labels[0][:_MAX_NAME_CHARS]
        return f'{clause}: remove one, or let the first, "{first}", be background if the list counts from 1'
    if named == class_count - 1:
        return f"{clause}: add the missing one; it is the first if class 0 is the background"
    return f"{clause}: use the list that belongs to this model"


def _describe_shortage(first: str, class_count: int) -> str:
    begins = f'"{first[:_MAX_NAME_CHARS]}" is its first' if first else "it counts from 1"
    return (
        f"its output has {_count_classes(class_count)} and its label list {class_count - 1}, because {begins}: "
        f"add the missing one; for a class 0 without a name, begin the list with background and ???"
    )


def _count_classes(count: int) -> str:
    return "1 class" if count == 1 else f"{count} classes"
