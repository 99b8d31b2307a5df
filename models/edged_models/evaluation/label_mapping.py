"""The mapping between the classes of a model and those of a set of pictures."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from edged_models.errors import ToolError
from edged_models.pictures.class_names import find_indices

_DEFAULT_LABELS = ("object",)


@dataclass(frozen=True, slots=True, kw_only=True)
class LabelMapping:
    """The labels that are evaluated.

    Attributes:
        labels: those that model and pictures share, in the pictures' order; the model's own if the pictures have none.
        model_indices: (M + 1,) int32, the index into `labels` of each class id of the model, and last of all higher ones; -1 for none.
        picture_indices: (P,) int32, the index into `labels` of each class of the pictures; -1 for none.
        unknown_to_model: labels of the pictures that the model lacks.
        not_in_pictures: labels of the model that the pictures lack.
    """

    labels: tuple[str, ...]
    model_indices: NDArray[np.int32]
    picture_indices: NDArray[np.int32]
    unknown_to_model: tuple[str, ...]
    not_in_pictures: tuple[str, ...]

    def rename_to_model(
        self, values: Mapping[str, float], model_labels: Sequence[str]
    ) -> dict[str, float]:
        """Return values by evaluated label as values by the model's labels, as the model spells them.

        Args:
            values: one for each of `labels`.
            model_labels: by class id.
        """
        indices = self.model_indices[: len(model_labels)].tolist()
        pairs = zip(model_labels, indices, strict=True)
        return {label: values[self.labels[index]] for label, index in pairs if index >= 0}


def map_labels(
    model_labels: Sequence[str], picture_labels: Sequence[str], *, model_name: object
) -> LabelMapping:
    """Match labels by name, regardless of case and of the character between words.

    Args:
        model_labels: by class id; empty if the model names none.
        picture_labels: by class; empty if the pictures are not labelled.
        model_name: the model's name in the error message.

    Raises:
        ToolError: they share no label.
    """
    if not picture_labels:
        return _map_to_own_labels(model_labels)
    known = find_indices(picture_labels, model_labels)
    shared = _select_labels(picture_labels, known, present=True)
    if not shared:
        raise ToolError(
            f"{model_name} knows none of the pictures' labels: it has {_join_labels(model_labels)}; they have {_join_labels(picture_labels)}. "
            "Give the model's with --labels, or the clip's as clip.mp4:LABEL"
        )
    model_indices = find_indices(model_labels, shared)
    return LabelMapping(
        labels=shared,
        model_indices=_index_array([*model_indices, None]),
        picture_indices=_index_array(find_indices(picture_labels, shared)),
        unknown_to_model=_select_labels(picture_labels, known, present=False),
        not_in_pictures=_select_labels(model_labels, model_indices, present=False),
    )


def _map_to_own_labels(model_labels: Sequence[str]) -> LabelMapping:
    # Without any label every class id counts as the one default class.
    higher_ids = None if model_labels else 0
    return LabelMapping(
        labels=tuple(model_labels) or _DEFAULT_LABELS,
        model_indices=_index_array([*range(len(model_labels)), higher_ids]),
        picture_indices=_index_array([]),
        unknown_to_model=(),
        not_in_pictures=(),
    )


def _select_labels(
    labels: Sequence[str], indices: Sequence[int | None], *, present: bool
) -> tuple[str, ...]:
    pairs = zip(labels, indices, strict=True)
    return tuple(label for label, index in pairs if (index is not None) is present)


def _index_array(indices: Sequence[int | None]) -> NDArray[np.int32]:
    return np.array([-1 if index is None else index for index in indices], np.int32)


def _join_labels(labels: Sequence[str], max_labels: int = 12) -> str:
    more = f" and {len(labels) - max_labels} more" if len(labels) > max_labels else ""
    return (", ".join(labels[:max_labels]) + more) or "none"
