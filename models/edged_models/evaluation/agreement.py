"""Which classes of a model are which of the pictures'."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from edged_models.errors import ToolError
from edged_models.pictures.names import places

_NAMELESS = ("object",)


@dataclass(frozen=True, slots=True, kw_only=True)
class Agreement:
    """The labels that are judged.

    Attributes:
        labels: those that model and pictures have in common, in the pictures' order; the model's own where pictures have none.
        of_model: (M + 1,) int32, the index into `labels` of each class id of the model, and of any beyond them; -1 where there is
            none.
        of_pictures: (P,) int32, the same of each class of the pictures.
        unknown_to_model: labels of the pictures that the model lacks.
        not_in_pictures: labels of the model that the pictures lack.
    """

    labels: tuple[str, ...]
    of_model: NDArray[np.int32]
    of_pictures: NDArray[np.int32]
    unknown_to_model: tuple[str, ...]
    not_in_pictures: tuple[str, ...]


def agree(
    model_labels: Sequence[str], picture_labels: Sequence[str], *, model: object
) -> Agreement:
    """Match labels by name; neither case nor the sign between words counts.

    Args:
        model_labels: by class id; empty if the model names none.
        picture_labels: by class; empty if the pictures are not labelled.
        model: what it is called in the error.

    Raises:
        ToolError: they have none in common.
    """
    if not picture_labels:
        beyond = -1 if model_labels else 0
        of_model = [*range(len(model_labels)), beyond]
        return _agreement(tuple(model_labels) or _NAMELESS, of_model, [], (), ())
    known = places(picture_labels, model_labels)
    common = _where(picture_labels, known, present=True)
    if not common:
        raise ToolError(
            f"{model} knows none of the pictures' labels: it has {_list(model_labels)}; they have {_list(picture_labels)}. "
            "Give the model's with --labels, or the clip's as clip.mp4:LABEL"
        )
    of_model, of_pictures = places(model_labels, common), places(picture_labels, common)
    unknown = _where(picture_labels, known, present=False)
    spare = _where(model_labels, of_model, present=False)
    return _agreement(common, [*of_model, None], of_pictures, unknown, spare)


def _agreement(
    labels: tuple[str, ...],
    of_model: Sequence[int | None],
    of_pictures: Sequence[int | None],
    unknown: tuple[str, ...],
    spare: tuple[str, ...],
) -> Agreement:
    return Agreement(
        labels=labels,
        of_model=_table(of_model),
        of_pictures=_table(of_pictures),
        unknown_to_model=unknown,
        not_in_pictures=spare,
    )


def _where(
    labels: Sequence[str], indices: Sequence[int | None], *, present: bool
) -> tuple[str, ...]:
    pairs = zip(labels, indices, strict=True)
    return tuple(label for label, index in pairs if (index is not None) is present)


def _table(indices: Sequence[int | None]) -> NDArray[np.int32]:
    return np.array([-1 if index is None else index for index in indices], np.int32)


def _list(labels: Sequence[str], most: int = 12) -> str:
    more = f" and {len(labels) - most} more" if len(labels) > most else ""
    return (", ".join(labels[:most]) + more) or "none"
