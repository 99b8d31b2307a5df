"""What the commands of conversion answer."""

from pathlib import Path

from msgspec import Struct

from edged_models.conversion.flatmodel import FlatModel, FlatTensor
from edged_models.conversion.leftovers import Leftovers

_MOST_NAMED = 8


class Written(Struct, frozen=True, kw_only=True):
    """A model that was made.

    Attributes:
        source: what it was made from.
        out: the file.
        scheme: ``float32``, or how it was quantised.
        bytes: of the file.
        input: type and shape of its input.
        outputs: the same of its outputs, in order.
        labels: how many are in the file.
        calibrated_on: how many pictures; 0 if none were needed.
        leftovers: what of it stayed float.
        seconds: how long it took.
    """

    source: str
    out: Path
    scheme: str
    bytes: int
    input: str
    outputs: tuple[str, ...]
    labels: int
    calibrated_on: int
    leftovers: Leftovers
    seconds: float


def described(tensor: FlatTensor) -> str:
    """``uint8 [1, 256, 256, 3] image``; without the shape where that is not known before the model runs."""
    shape = f" {list(tensor.shape)}" if tensor.shape else ""
    return f"{tensor.dtype.lower()}{shape} {tensor.name}"


def signature(model: FlatModel) -> tuple[str, tuple[str, ...]]:
    """The input and the outputs in words."""
    (given, *_) = model.of(model.inputs)
    return described(given), tuple(described(tensor) for tensor in model.of(model.outputs))


def leftover_lines(left: Leftovers) -> list[tuple[str, str]]:
    """What stayed float, each named, as rows of a table."""
    ops = [f"{op.op} ({op.gives})" for op in left.ops]
    floats = [one for one in left.weights if one.dtype == "FLOAT32"]
    weights = [f"{one.name} ({one.bytes} B)" for one in floats]
    return [
        (f"float {what}", _some(named))
        for what, named in (("ops", ops), ("weights", weights))
        if named
    ]


def _some(named: list[str]) -> str:
    more = f" and {len(named) - _MOST_NAMED} more" if len(named) > _MOST_NAMED else ""
    return f"{len(named)}: {'; '.join(named[:_MOST_NAMED])}{more}"
