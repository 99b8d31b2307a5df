"""Classification: one score per class for the whole picture."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar, Self

import numpy as np
from numpy.typing import NDArray

from edged.errors import ModelError
from edged.families.inputs import image_input
from edged.families.outputs import dequantise
from edged.types import F32, Detections, Fit, Fitting, InputSpec, ModelSignature, TensorInfo

_PASS_THROUGH_OPS = ("DEQUANTIZE", "QUANTIZE", "RESHAPE", "SQUEEZE")
_PROBABILITY_OPS = ("SOFTMAX", "LOGISTIC")
_BACKGROUND_LABEL = "background"


@dataclass(frozen=True, kw_only=True)
class ClassificationFamily:
    """Reports the best class as one detection that fills the frame; a class named "background" is no detection.

    A float input is scaled to -1..1, as MobileNet's preprocessing in TF-Slim and Keras does, unless the metadata says otherwise.
    Logits are made probabilities by a softmax; whether they are logits is read from the graph.
    """

    name: ClassVar[str] = "classification"
    input: InputSpec
    class_offset: int
    output: TensorInfo
    has_logits: bool
    background_id: int | None
    """The class id that stands for nothing."""

    @classmethod
    def match(cls, signature: ModelSignature) -> Self | str:
        """See `edged.interfaces.ModelFamily`."""
        if len(signature.outputs) != 1:
            return f"it has {len(signature.outputs)} outputs instead of one score per class"
        output = signature.outputs[0]
        classes = int(np.prod(output.shape))
        if classes != max(output.shape, default=0) or classes < 2:  # noqa: PLR2004 - something to choose
            return f"its output {list(output.shape)} is not one score per class, [1, C]"
        spec = image_input(signature, fitting=Fitting.STRETCH, mean=127.5, std=127.5)
        if isinstance(spec, str):
            return spec
        labels = signature.metadata.labels
        first = bool(labels) and labels[0].lower() == _BACKGROUND_LABEL
        return cls(
            input=spec,
            class_offset=int(first and len(labels) == classes + 1),
            output=output,
            has_logits=_outputs_logits(signature, output),
            background_id=0 if first and len(labels) == classes else None,
        )

    def decode(
        self, outputs: Sequence[NDArray[np.generic]], fit: Fit, *, min_score: float
    ) -> Detections:
        """See `edged.interfaces.ModelFamily`; the box is the frame whatever `fit` is."""
        del fit
        values = dequantise(outputs[0], self.output).ravel()
        if not np.isfinite(values).all():
            raise ModelError(
                f"the model's output {self.output.name!r} has scores that are not numbers"
            )
        scores = _softmax(values) if self.has_logits else values
        top = int(scores.argmax())
        if top == self.background_id or scores[top] < min_score:
            return Detections.empty()
        return Detections(
            np.array([[0.0, 0.0, 1.0, 1.0]], np.float32),
            np.clip(scores[top : top + 1], 0.0, 1.0),
            np.array([top], np.int32),
        )


def _outputs_logits(signature: ModelSignature, output: TensorInfo) -> bool:
    """Whether nothing in the graph makes probabilities of the output; no, where the graph does not tell."""
    makers = {index: op for op in signature.ops for index in op.outputs}
    op = makers.get(output.index)
    while op and op.name in _PASS_THROUGH_OPS and op.inputs:
        op = makers.get(op.inputs[0])
    if op is None or op.name.startswith("edgetpu"):
        # Compiled away: a quantised probability has steps of 1/256 from 0 to 1.
        return bool(output.scale) and output.scale * 255 > 1.01  # noqa: PLR2004 - as said above
    return op.name not in _PROBABILITY_OPS


def _softmax(values: F32) -> F32:
    powers = np.exp(values - values.max())
    return np.asarray(powers / powers.sum(), np.float32)
