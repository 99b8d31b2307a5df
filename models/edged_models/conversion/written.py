"""What the commands of conversion answer."""

from pathlib import Path

from msgspec import Struct

from edged_models.conversion.flatmodel import FlatModel, FlatTensor, flat_model
from edged_models.conversion.leftovers import POSTPROCESS, Leftovers, leftovers
from edged_models.conversion.metadata import card_of

FLOAT32 = "float32"
INTEGER_SCHEMES = ("int8", "int16x8")
"""Those that are meant to compute without floats."""
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
        custom_ops: ops that the runtimes do not bring.
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
    custom_ops: tuple[str, ...]
    seconds: float


def account(
    content: bytes,
    *,
    source: str,
    out: Path,
    scheme: str,
    calibrated_on: int,
    seconds: float,
) -> Written:
    """What there is to say of a model that was written.

    Raises:
        SourceError: it is damaged.
    """
    model = flat_model(content, str(out))
    given, outputs = signature(model)
    whole = Leftovers(ops=(), weights=())
    return Written(
        source=source,
        out=out,
        scheme=scheme,
        bytes=len(content),
        input=given,
        outputs=outputs,
        labels=len(card_of(content, str(out)).labels),
        calibrated_on=calibrated_on,
        leftovers=whole
        if scheme == FLOAT32
        else leftovers(model, activations=scheme in INTEGER_SCHEMES),
        custom_ops=_custom_ops(model),
        seconds=seconds,
    )


def described(tensor: FlatTensor) -> str:
    """``uint8 [1, 256, 256, 3] image``; without the shape where that is not known before the model runs."""
    shape = f" {list(tensor.shape)}" if tensor.shape else ""
    return f"{tensor.dtype.lower()}{shape} {tensor.name}"


def signature(model: FlatModel) -> tuple[str, tuple[str, ...]]:
    """The input, or all if there are several, and the outputs in words."""
    inputs = [described(tensor) for tensor in model.of(model.inputs)]
    return "; ".join(inputs) or "none", tuple(
        described(tensor) for tensor in model.of(model.outputs)
    )


def _custom_ops(model: FlatModel) -> tuple[str, ...]:
    """Ops that are none of TensorFlow Lite's, and that the runtimes do not bring either."""
    return tuple(sorted({op.name for op in model.ops if op.custom and op.name != POSTPROCESS}))


def custom_doubts(written: Written) -> list[str]:
    """What the user should know if there are any."""
    names = ", ".join(written.custom_ops)
    return (
        [f"TensorFlow Lite has no {names}: the daemon needs a library for it, see model.custom_ops"]
        if names
        else []
    )


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
