"""Results of the commands that convert models."""

from pathlib import Path

from msgspec import Struct

from edged_models.conversion.metadata import read_model_metadata
from edged_models.conversion.signature_list import list_signatures
from edged_models.conversion.tflite_model import TfliteModel, TfliteTensor, parse_model
from edged_models.conversion.unquantized import POSTPROCESS, UnquantizedParts, find_unquantized

FLOAT32 = "float32"
INTEGER_SCHEMES = ("int8", "int16x8")
"""Schemes in which activations are integers."""
_MAX_NAMES = 8


class ConversionReport(Struct, frozen=True, kw_only=True):
    """A converted model.

    Attributes:
        source: the source, as the user named it.
        out: the .tflite.
        scheme: ``float32``, or the quantisation scheme.
        bytes: size of the file.
        input: type, shape and name of the input.
        outputs: type, shape and name of the outputs, in order.
        labels: number of labels in the file.
        calibrated_on: number of pictures for calibration; 0 if none were needed.
        unquantized: ops and weights that are still float.
        custom_ops: ops that the runtimes do not have.
        seconds: duration of the conversion.
        signatures: names, inputs and outputs of the signatures; the first describes the same graph as `input` and `outputs`.
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
    signatures: tuple[str, ...] = ()


def build_report(
    content: bytes,
    *,
    source: str,
    out: Path,
    scheme: str,
    calibrated_on: int,
    seconds: float,
) -> ConversionReport:
    """Describe a converted model.

    Args:
        content: the .tflite.
        source: the source, as the user named it.
        out: path of the .tflite.
        scheme: ``float32``, or the quantisation scheme.
        calibrated_on: number of pictures for calibration.
        seconds: duration of the conversion.

    Raises:
        SourceError: the .tflite is damaged.
    """
    model = parse_model(content, str(out))
    input_text, output_texts = describe_signature(model)
    return ConversionReport(
        source=source,
        out=out,
        scheme=scheme,
        bytes=len(content),
        input=input_text,
        outputs=output_texts,
        labels=len(read_model_metadata(content, str(out)).labels),
        calibrated_on=calibrated_on,
        unquantized=_find_unquantized(model, scheme),
        custom_ops=find_custom_ops(model),
        seconds=seconds,
        signatures=list_signatures(content),
    )


def describe_tensor(tensor: TfliteTensor) -> str:
    """Describe a tensor: ``uint8 [1, 256, 256, 3] image``. The shape is left out if it is known only when the model runs."""
    shape = f" {list(tensor.shape)}" if tensor.shape else ""
    return f"{tensor.dtype.lower()}{shape} {tensor.name}"


def describe_signature(model: TfliteModel) -> tuple[str, tuple[str, ...]]:
    """Describe the inputs in one text, and each of the outputs."""
    inputs = [describe_tensor(tensor) for tensor in model.get_tensors(model.inputs)]
    return "; ".join(inputs) or "none", tuple(
        describe_tensor(tensor) for tensor in model.get_tensors(model.outputs)
    )


def _find_unquantized(model: TfliteModel, scheme: str) -> UnquantizedParts:
    if scheme == FLOAT32:
        return UnquantizedParts(ops=(), weights=())
    return find_unquantized(model, include_activations=scheme in INTEGER_SCHEMES)


def find_custom_ops(model: TfliteModel) -> tuple[str, ...]:
    """Return the ops that neither TensorFlow Lite nor the runtimes have."""
    return tuple(sorted({op.name for op in model.ops if op.is_custom and op.name != POSTPROCESS}))


def custom_op_warnings(report: ConversionReport) -> list[str]:
    """Return a warning for the user if the model has custom ops."""
    names = ", ".join(report.custom_ops)
    return (
        [f"TensorFlow Lite has no {names}: the daemon needs a library for it, see model.custom_ops"]
        if names
        else []
    )


def unquantized_rows(unquantized: UnquantizedParts) -> list[tuple[str, str]]:
    """Return table rows that name the ops and weights that are still float."""
    ops = [f"{op.op} ({op.output or 'no output'})" for op in unquantized.ops]
    floats = [one for one in unquantized.weights if one.dtype == "FLOAT32"]
    weights = [f"{one.name} ({one.bytes} B)" for one in floats]
    return [
        (f"float {kind}", _abbreviate(names))
        for kind, names in (("ops", ops), ("weights", weights))
        if names
    ]


def _abbreviate(names: list[str]) -> str:
    more = f" and {len(names) - _MAX_NAMES} more" if len(names) > _MAX_NAMES else ""
    return f"{len(names)}: {'; '.join(names[:_MAX_NAMES])}{more}"
