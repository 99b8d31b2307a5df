"""What the commands of conversion answer."""

from pathlib import Path

from msgspec import Struct

from edged_models.conversion.metadata import read_model_metadata
from edged_models.conversion.tflite_model import TfliteModel, TfliteTensor, parse_model
from edged_models.conversion.unquantized import POSTPROCESS, UnquantizedParts, find_unquantized

FLOAT32 = "float32"
INTEGER_SCHEMES = ("int8", "int16x8")
"""Those that are meant to compute without floats."""
_MAX_NAMES = 8


class ConversionReport(Struct, frozen=True, kw_only=True):
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
        unquantized: what of it stayed float.
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
    unquantized: UnquantizedParts
    custom_ops: tuple[str, ...]
    seconds: float


def build_report(
    content: bytes,
    *,
    source: str,
    out: Path,
    scheme: str,
    calibrated_on: int,
    seconds: float,
) -> ConversionReport:
    """What there is to say of a model that was written.

    Raises:
        SourceError: it is damaged.
    """
    model = parse_model(content, str(out))
    given, outputs = describe_signature(model)
    whole = UnquantizedParts(ops=(), weights=())
    return ConversionReport(
        source=source,
        out=out,
        scheme=scheme,
        bytes=len(content),
        input=given,
        outputs=outputs,
        labels=len(read_model_metadata(content, str(out)).labels),
        calibrated_on=calibrated_on,
        unquantized=whole
        if scheme == FLOAT32
        else find_unquantized(model, include_activations=scheme in INTEGER_SCHEMES),
        custom_ops=_find_custom_ops(model),
        seconds=seconds,
    )


def describe_tensor(tensor: TfliteTensor) -> str:
    """``uint8 [1, 256, 256, 3] image``; without the shape where that is not known before the model runs."""
    shape = f" {list(tensor.shape)}" if tensor.shape else ""
    return f"{tensor.dtype.lower()}{shape} {tensor.name}"


def describe_signature(model: TfliteModel) -> tuple[str, tuple[str, ...]]:
    """The input, or all if there are several, and the outputs in words."""
    inputs = [describe_tensor(tensor) for tensor in model.get_tensors(model.inputs)]
    return "; ".join(inputs) or "none", tuple(
        describe_tensor(tensor) for tensor in model.get_tensors(model.outputs)
    )


def _find_custom_ops(model: TfliteModel) -> tuple[str, ...]:
    """Ops that are none of TensorFlow Lite's, and that the runtimes do not bring either."""
    return tuple(sorted({op.name for op in model.ops if op.is_custom and op.name != POSTPROCESS}))


def custom_op_warnings(report: ConversionReport) -> list[str]:
    """What the user should know if there are any."""
    names = ", ".join(report.custom_ops)
    return (
        [f"TensorFlow Lite has no {names}: the daemon needs a library for it, see model.custom_ops"]
        if names
        else []
    )


def unquantized_rows(unquantized: UnquantizedParts) -> list[tuple[str, str]]:
    """What stayed float, each named, as rows of a table."""
    ops = [f"{op.op} ({op.output})" for op in unquantized.ops]
    floats = [one for one in unquantized.weights if one.dtype == "FLOAT32"]
    weights = [f"{one.name} ({one.bytes} B)" for one in floats]
    return [
        (f"float {what}", _abbreviate(named))
        for what, named in (("ops", ops), ("weights", weights))
        if named
    ]


def _abbreviate(names: list[str]) -> str:
    more = f" and {len(names) - _MAX_NAMES} more" if len(names) > _MAX_NAMES else ""
    return f"{len(names)}: {'; '.join(names[:_MAX_NAMES])}{more}"
