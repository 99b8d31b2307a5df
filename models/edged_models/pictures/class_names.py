"""Matching class names from two sources."""

from collections.abc import Iterable, Mapping, Sequence

from edged_models.errors import PicturesError


def fold_name(name: str) -> str:
    """Return a class name in the form in which names are compared: lower case, words separated by one space."""
    return " ".join(name.casefold().replace("_", " ").replace("-", " ").split())


def find_indices(names: Sequence[str], labels: Sequence[str]) -> list[int | None]:
    """Return the index in `labels` of each of `names`; None for a name that is not in it."""
    by_name = {fold_name(label): index for index, label in reversed(list(enumerate(labels)))}
    return [by_name.get(fold_name(name)) for name in names]


def map_class_ids(
    names: Mapping[int, str], labels: tuple[str, ...] | None, *, used: Iterable[int], set_name: str
) -> tuple[tuple[str, ...], dict[int, int]]:
    """Map a set's own class ids to indices into its labels.

    Args:
        names: the set's class names by its own ids.
        labels: the names to map to; None for the set's own.
        used: the ids that occur; the others need not be among `labels`.
        set_name: the set's name in the error message.

    Returns:
        The labels, and the index of each id that has one.

    Raises:
        PicturesError: a name that occurs is not among `labels`.
    """
    ids = sorted(names)
    wanted = _list_distinct(names[i] for i in ids) if labels is None else labels
    indices = find_indices([names[i] for i in ids], wanted)
    mapped = {i: index for i, index in zip(ids, indices, strict=True) if index is not None}
    unmapped = sorted(set(used) - set(mapped))
    if unmapped:
        name, known = names[unmapped[0]], ", ".join(wanted)
        raise PicturesError(f"{set_name} contains {name!r}, which is not among: {known}")
    return wanted, mapped


def _list_distinct(names: Iterable[str]) -> tuple[str, ...]:
    """Return the names without those that are compared as equal to one before them."""
    by_folded: dict[str, str] = {}
    for name in names:
        by_folded.setdefault(fold_name(name), name)
    return tuple(by_folded.values())
