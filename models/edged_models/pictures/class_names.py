"""Matching class names of two origins."""

from collections.abc import Iterable, Mapping, Sequence

from edged_models.errors import PicturesError


def fold_name(name: str) -> str:
    """What of a class name counts in a comparison: neither case nor the sign between words."""
    return " ".join(name.casefold().replace("_", " ").replace("-", " ").split())


def find_indices(names: Sequence[str], labels: Sequence[str]) -> list[int | None]:
    """Where each of `names` stands in `labels`; None where it does not."""
    by_name = {fold_name(label): index for index, label in reversed(list(enumerate(labels)))}
    return [by_name.get(fold_name(name)) for name in names]


def map_class_ids(
    names: Mapping[int, str], labels: tuple[str, ...] | None, *, used: Iterable[int], set_name: str
) -> tuple[tuple[str, ...], dict[int, int]]:
    """Bring a set's own class ids to indices into its labels.

    Args:
        names: the set's class names by its own ids.
        labels: the names to map to; the set's own if None.
        used: the ids that occur; the others need not be among `labels`.
        set_name: what the set is called in the error.

    Returns:
        The labels, and the index of each id that has one.

    Raises:
        PicturesError: a name that occurs is not among `labels`.
    """
    ids = sorted(names)
    wanted = tuple(names[i] for i in ids) if labels is None else labels
    indices = find_indices([names[i] for i in ids], wanted)
    mapped = {i: index for i, index in zip(ids, indices, strict=True) if index is not None}
    for i in sorted(set(used)):
        if i not in mapped:
            known = ", ".join(wanted)
            raise PicturesError(f"{set_name} has {names[i]!r} in it, which is not among: {known}")
    return wanted, mapped
