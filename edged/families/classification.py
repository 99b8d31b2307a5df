"""The family of classifiers: one score per class for the whole picture."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import prod
from typing import ClassVar, Self

import numpy as np
from numpy.typing import NDArray

from edged.errors import ModelError
from edged.families.inputs import image_input
from edged.families.label_count import find_class_offset, is_background
from edged.families.output_checks import check_outputs
from edged.families.outputs import dequantise
from edged.types import F32, Detections, Fit, Fitting, InputSpec, ModelSignature, TensorInfo

_PASS_THROUGH_OPS = ("DEQUANTIZE", "QUANTIZE", "RESHAPE", "SQUEEZE")
_PROBABILITY_OPS = ("SOFTMAX", "LOGISTIC")


@dataclass(frozen=True, kw_only=True)
class ClassificationFamily:
    """Reports the best class as one detection that fills the frame; a class named "background" is not reported.

    A float input is scaled to -1..1, as MobileNet's preprocessing in TF-Slim and Keras does, unless the metadata says otherwise.
    Logits are converted to probabilities by a softmax; the graph shows whether the outputs are logits.
    """

    name: ClassVar[str] = "classification"
    input: InputSpec
    class_offset: int
    output: TensorInfo
    has_logits: bool
    background_id: int | None
    """The class id of the background; None if there is none."""

    @classmethod
    def match(cls, signature: ModelSignature) -> Self | str:
        """Recognise a model with one output of one score per class."""
        if len(signature.outputs) != 1:
            return f"it has {len(signature.outputs)} outputs instead of one score per class"
        output = signature.outputs[0]
        classes = prod(output.shape)
        if classes != max(output.shape, default=0) or classes < 2:  # noqa: PLR2004 - at least two classes
            return f"its output {list(output.shape)} is not one score per class, [1, C]"
        has_logits = _outputs_logits(signature, output)
        if has_logits and not signature.metadata.labels:
            return (
                "its output has no softmax and the file no labels, as a feature extractor (embedding); "
                "a classifier needs its label list"
            )
        spec = image_input(signature, fitting=Fitting.STRETCH, mean=127.5, std=127.5)
        if isinstance(spec, str):
            return spec
        labels = signature.metadata.labels
        offset = find_class_offset(signature, classes, counts_background=True)
        if isinstance(offset, str):
            return offset
        has_background = bool(labels) and not offset and is_background(labels[0])
        return cls(
            input=spec,
            class_offset=offset,
            output=output,
            has_logits=has_logits,
            background_id=0 if has_background else None,
        )

    def decode(
        self, outputs: Sequence[NDArray[np.generic]], fit: Fit, *, min_score: float
    ) -> Detections:
        """Turn the scores into at most one detection, whose box is the whole frame.

        Args:
            outputs: one array (1, C), or any shape of C elements, any dtype.
            fit: unused.
            min_score: detections with a lower score are left out.

        Raises:
            ModelError: a score is not a number.
        """
        del fit
        scores = self.score_classes(outputs)
        top = int(scores.argmax())
        if top == self.background_id or scores[top] < min_score:
            return Detections.empty()
        return Detections(
            np.array([[0.0, 0.0, 1.0, 1.0]], np.float32),
            np.clip(scores[top : top + 1], 0.0, 1.0),
            np.array([top], np.int32),
        )

    def score_classes(self, outputs: Sequence[NDArray[np.generic]]) -> F32:
        """Return the score of each class, the background's too: (C,) float32; `decode` reports the best.

        Args:
            outputs: one array (1, C), or any shape of C elements, any dtype.

        Raises:
            ModelError: a score is not a number.
        """
        (output,) = check_outputs(outputs, [self.output])
        values = dequantise(output, self.output).ravel()
        if not np.isfinite(values).all():
            raise ModelError(
                f"the model's output {self.output.name!r} contains NaN or infinite scores"
            )
        return _softmax(values) if self.has_logits else values


def _outputs_logits(signature: ModelSignature, output: TensorInfo) -> bool:
    """Return whether the output is logits: the graph has no softmax or sigmoid before it. False if the graph does not show it."""
    producers = {index: op for op in signature.ops for index in op.outputs}
    op = producers.get(output.index)
    while op and op.name in _PASS_THROUGH_OPS and op.inputs:
        op = producers.get(op.inputs[0])
    if op is None or op.name.startswith("edgetpu"):
        # Compiled away: a quantised probability has steps of 1/256 from 0 to 1.
        return bool(output.scale) and output.scale * 255 > 1.01  # noqa: PLR2004 - see above
    return op.name not in _PROBABILITY_OPS


def _softmax(values: F32) -> F32:
    powers = np.exp(values - values.max())
    return np.asarray(powers / powers.sum(), np.float32)
