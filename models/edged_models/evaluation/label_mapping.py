"""Which classes of a model are which of the pictures'."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from edged_models.errors import ToolError
from edged_models.pictures.class_names import find_indices

_DEFAULT_LABELS = ("object",)


@dataclass(frozen=True, slots=True, kw_only=True)
class LabelMapping:
    """The labels that are judged.

    Attributes:
        labels: those that model and pictures have in common, in the pictures' order; the model's own where pictures have none.
        model_indices: (M + 1,) int32, the index into `labels` of each class id of the model, and of any beyond them; -1 where there is
            none.
        picture_indices: (P,) int32, the same of each class of the pictures.
        unknown_to_model: labels of the pictures that the model lacks.
        not_in_pictures: labels of the model that the pictures lack.
    """

    labels: tuple[str, ...]
    model_indices: NDArray[np.int32]
    picture_indices: NDArray[np.int32]
    unknown_to_model: tuple[str, ...]
    not_in_pictures: tuple[str, ...]


def map_labels(
    model_labels: Sequence[str], picture_labels: Sequence[str], *, model_name: object
) -> LabelMapping:
    """Match labels by name; neither case nor the sign between words counts.

    Args:
        model_labels: by class id; empty if the model names none.
        picture_labels: by class; empty if the pictures are not labelled.
        model_name: what it is called in the error.

    Raises:
        ToolError: they have none in common.
    """
    if not picture_labels:
        beyond = -1 if model_labels else 0
        of_model = [*range(len(model_labels)), beyond]
        return _build_mapping(tuple(model_labels) or _DEFAULT_LABELS, of_model, [], (), ())
    known = find_indices(picture_labels, model_labels)
    common = _select_labels(picture_labels, known, present=True)
    if not common:
        raise ToolError(
            f"{model_name} knows none of the pictures' labels: it has {_join_labels(model_labels)}; they have {_join_labels(picture_labels)}. "
            "Give the model's with --labels, or the clip's as clip.mp4:LABEL"
        )
    of_model, of_pictures = find_indices(model_labels, common), find_indices(picture_labels, common)
    unknown = _select_labels(picture_labels, known, present=False)
    spare = _select_labels(model_labels, of_model, present=False)
    return _build_mapping(common, [*of_model, None], of_pictures, unknown, spare)


def _build_mapping(
    labels: tuple[str, ...],
    model_indices: Sequence[int | None],
    picture_indices: Sequence[int | None],
    unknown: tuple[str, ...],
    spare: tuple[str, ...],
) -> LabelMapping:
    return LabelMapping(
        labels=labels,
        model_indices=_index_array(model_indices),
        picture_indices=_index_array(picture_indices),
        unknown_to_model=unknown,
        not_in_pictures=spare,
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
