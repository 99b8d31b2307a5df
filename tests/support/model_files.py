"""Small model files with any outputs, for both runtimes: the layout of a model without its weights.

Each output is ``values + gain * mean of the picture``, so that it depends on the picture, in a few built-in operators: MEAN,
RESHAPE, MUL, ADD. Numbers of operators and types are those of TensorFlow Lite's ``schema.fbs``.
"""

import io
import zipfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from support.flatbuffer_writer import Scalar, Table, write_flatbuffer
from support.postprocess_options import encode_options

_TYPES = {"float32": 0, "int32": 2, "uint8": 3, "int16": 7, "int8": 9}
_BUILTINS = {
    "ADD": 0, "CONCATENATION": 2, "LOGISTIC": 14, "MUL": 18, "RESHAPE": 22, "SOFTMAX": 25, "MEAN": 40,
    "DEQUANTIZE": 6, "QUANTIZE": 114, "RANDOM_UNIFORM": 148,
}  # fmt: skip
_CUSTOM = 32
_OPTIONS: dict[str, tuple[int, Table]] = {
    "ADD": (11, {}),
    "CONCATENATION": (10, {0: ("i", -1)}),
    "MUL": (21, {}),
    "RESHAPE": (17, {}),
    "SOFTMAX": (9, {0: ("f", 1.0)}),
    "MEAN": (27, {0: ("B", 1)}),
    "RANDOM_UNIFORM": (114, {}),
}
"""Number of the options' table in the schema, and the options; an axis of -1, a beta of 1, and kept dimensions."""
_VERSIONS = {
    "ADD": 4,
    "MUL": 5,
    "MEAN": 3,
    "SOFTMAX": 3,
    "LOGISTIC": 3,
    "CONCATENATION": 3,
    "DEQUANTIZE": 3,
}
"""Versions from which an operator takes int16."""
_LIMITS = {"uint8": (0, 255), "int8": (-128, 127), "int16": (-32767, 32767)}
_NONE = (0.0, 0)
POSTPROCESS = "TFLite_Detection_PostProcess"

Floats = NDArray[np.floating]
Quantisation = tuple[float, int]
"""Scale and zero point; a scale of 0.0 for none."""


@dataclass(frozen=True, kw_only=True)
class OutputPlan:
    """One output of a made model.

    Attributes:
        values: the output for a black picture, float, not quantised.
        gain: what a white picture adds; of the shape of `values`.
        high: largest value of the quantised range.
        low: smallest value of it; for int16 the range is that of the larger of both, on either side of 0.
        name: name of the tensor.
        activation: SOFTMAX or LOGISTIC as the last operator; None for none.
    """

    values: Floats
    gain: Floats | float = 0.0
    high: float = 1.0
    low: float = 0.0
    name: str = "output"
    activation: str | None = None


class ModelWriter:
    """A graph in the making: tensors and operators are added, and then written as a file."""

    def __init__(
        self,
        dtype: str = "float32",
        shape: Sequence[int] = (1, 64, 64, 3),
        *,
        max_pixel: float = 1.0,
    ) -> None:
        self.dtype = dtype
        self._buffers: list[Table] = [{}]
        self._tensors: list[Table] = []
        self._codes: list[tuple[str, str | None]] = []
        self._operators: list[Table] = []
        self._outputs: list[int] = []
        self._mean: int | None = None
        self._rank, self._max_pixel = len(shape), max_pixel
        self.picture = self.tensor(shape, name="image", quantisation=self.quantisation(max_pixel))

    def share(self, other: "ModelWriter") -> None:
        """Use the buffers and operator codes of another graph, of which this becomes a further subgraph in the same file."""
        self._buffers, self._codes = other._buffers, other._codes

    def quantisation(self, high: float, low: float = 0.0) -> Quantisation:
        """Return scale and zero point of values from `low` to `high` in the graph's type."""
        if self.dtype not in _LIMITS:
            return _NONE
        first, last = _LIMITS[self.dtype]
        if self.dtype == "int16":
            return max(high, -low) / last, 0
        scale = (high - low) / (last - first)
        return scale, round(first - low / scale)

    def tensor(
        self,
        shape: Sequence[int],
        *,
        name: str = "tensor",
        dtype: str | None = None,
        quantisation: Quantisation = _NONE,
        constant: NDArray[np.generic] | None = None,
    ) -> int:
        """Add a tensor and return its index.

        Args:
            shape: its shape.
            name: its name.
            dtype: its type; None for the graph's.
            quantisation: scale and zero point.
            constant: its content, of its dtype; None for a tensor that an operator writes.
        """
        scale, zero_point = quantisation
        steps: Table = {2: np.array([scale], "<f4"), 3: np.array([zero_point], "<i8")}
        if constant is not None:
            self._buffers.append({0: constant.tobytes()})
        self._tensors.append(
            {
                0: np.array(shape, "<i4"),
                1: ("b", _TYPES[dtype or self.dtype]),
                2: ("I", 0 if constant is None else len(self._buffers) - 1),
                3: name,
                4: steps if scale else None,
            }
        )
        return len(self._tensors) - 1

    def constant(self, values: Floats, high: float, low: float = 0.0) -> int:
        """Add a constant of the graph's type, quantised if that is an integer type."""
        scale, zero_point = quantisation = self.quantisation(high, low)
        if not scale:
            return self.tensor(values.shape, constant=values.astype("<f4"))
        stored = np.clip(np.rint(values / scale) + zero_point, *_LIMITS[self.dtype])
        return self.tensor(
            values.shape, quantisation=quantisation, constant=stored.astype(self.dtype)
        )

    def integers(self, values: Sequence[int]) -> int:
        """Add a constant of int32, as operators take for shapes and axes."""
        return self.tensor([len(values)], dtype="int32", constant=np.array(values, "<i4"))

    def operator(
        self,
        name: str,
        inputs: Sequence[int],
        outputs: Sequence[int],
        *,
        custom_options: bytes | None = None,
    ) -> None:
        """Add an operator.

        Args:
            name: its name; any other than those of this file is that of a custom operator.
            inputs: indices of the tensors that it reads.
            outputs: indices of the tensors that it writes.
            custom_options: options of a custom operator.
        """
        code = (name, None) if name in _BUILTINS else ("CUSTOM", name)
        if code not in self._codes:
            self._codes.append(code)
        kind, options = _OPTIONS.get(name, (0, None))
        self._operators.append(
            {
                0: ("I", self._codes.index(code)),
                1: np.array(inputs, "<i4"),
                2: np.array(outputs, "<i4"),
                3: ("B", kind),
                4: options,
                5: custom_options,
            }
        )

    def output(self, plan: OutputPlan) -> int:
        """Add the operators of one output, and declare it; return its index."""
        made = self.values(plan)
        self.declare(made)
        return made

    def declare(self, *tensors: int) -> None:
        """Declare outputs of the model, in this order."""
        self._outputs += tensors

    def values(self, plan: OutputPlan) -> int:
        """Add the operators that compute one output; return its index."""
        shape, steps = plan.values.shape, self.quantisation(plan.high, plan.low)
        mean = self.tensor([1] * len(shape), quantisation=self.quantisation(self._max_pixel))
        self.operator("RESHAPE", [self._picture_mean(), self.integers([1] * len(shape))], [mean])
        gain = np.broadcast_to(np.asarray(plan.gain, np.float32), shape)
        added = self.tensor(shape, quantisation=steps)
        self.operator("MUL", [mean, self.constant(gain, plan.high, plan.low)], [added])
        total = self.tensor(shape, name=plan.name, quantisation=steps)
        self.operator("ADD", [added, self.constant(plan.values, plan.high, plan.low)], [total])
        if plan.activation is None:
            return total
        made = self.tensor(shape, name=plan.name, quantisation=self._activation_steps())
        self.operator(plan.activation, [total], [made])
        return made

    def postprocess(
        self, boxes: OutputPlan, scores: OutputPlan, anchors: Floats, **options: float
    ) -> tuple[int, ...]:
        """Add the detection post-process; return its outputs, float32: boxes, classes, scores, count.

        Args:
            boxes: codes (1, N, 4).
            scores: (1, N, 1 + C), the background first.
            anchors: (N, 4): centre y, centre x, height, width.
            options: the operator's options.
        """
        inputs = [self._dequantise(self.values(plan), plan) for plan in (boxes, scores)]
        inputs.append(self.tensor(anchors.shape, dtype="float32", constant=anchors.astype("<f4")))
        rows = int(options["max_detections"] * options["max_classes_per_detection"])
        shapes = ((1, rows, 4), (1, rows), (1, rows), (1,))
        outputs = [
            self.tensor(shape, name=f"{POSTPROCESS}:{i}", dtype="float32")
            for i, shape in enumerate(shapes)
        ]
        self.operator(POSTPROCESS, inputs, outputs, custom_options=encode_options(options))
        return tuple(outputs)

    def write(
        self,
        *,
        files: Mapping[str, str] | None = None,
        subgraphs: Sequence[Table] = (),
        signatures: Sequence[Table] = (),
        metadata: bytes | None = None,
    ) -> bytes:
        """Return the model file.

        Args:
            files: texts in an appended zip, by name.
            subgraphs: further subgraphs, as `subgraph` returns them.
            signatures: the signatures of the file.
            metadata: its packed `ModelMetadata`; None for none.
        """
        if metadata is not None:
            self._buffers.append({0: metadata})
        entry: Table = {0: "TFLITE_METADATA", 1: ("I", len(self._buffers) - 1)}
        content = write_flatbuffer(
            {
                0: ("I", 3),
                1: [_code(*code) for code in self._codes],
                2: [self.subgraph(), *subgraphs],
                4: self._buffers,
                6: None if metadata is None else [entry],
                7: list(signatures) or None,
            },
            b"TFL3",
        )
        return content + _zip(files) if files else content

    def subgraph(self) -> Table:
        """Return the graph as a subgraph of the file."""
        return {
            0: self._tensors,
            1: np.array([self.picture], "<i4"),
            2: np.array(self._outputs, "<i4"),
            3: self._operators,
            4: "main",
        }

    def signature(self, name: str, subgraph: int) -> Table:
        """Return a signature of the file with the inputs and outputs of this graph.

        Args:
            name: its name.
            subgraph: number of this graph's subgraph in the file.
        """
        outputs = [{0: f"output {i}", 1: ("I", index)} for i, index in enumerate(self._outputs)]
        return {
            0: [{0: "image", 1: ("I", self.picture)}],
            1: outputs,
            2: name,
            4: ("I", subgraph),
        }

    def _dequantise(self, tensor: int, plan: OutputPlan) -> int:
        if self.dtype == "float32":
            return tensor
        made = self.tensor(plan.values.shape, dtype="float32")
        self.operator("DEQUANTIZE", [tensor], [made])
        return made

    def _picture_mean(self) -> int:
        if self._mean is None:
            steps = self.quantisation(self._max_pixel)
            self._mean = self.tensor([1] * self._rank, quantisation=steps)
            axes = self.integers(list(range(1, self._rank)))
            self.operator("MEAN", [self.picture, axes], [self._mean])
        return self._mean

    def _activation_steps(self) -> Quantisation:
        return {"uint8": (1 / 256, 0), "int8": (1 / 256, -128), "int16": (1 / 32768, 0)}.get(
            self.dtype, _NONE
        )


def make_model(
    *outputs: OutputPlan,
    dtype: str = "float32",
    shape: Sequence[int] = (1, 64, 64, 3),
    files: Mapping[str, str] | None = None,
) -> bytes:
    """Return a model file whose only input is a picture.

    Args:
        outputs: its outputs.
        dtype: type of input, outputs and everything between.
        shape: shape of the input.
        files: texts in an appended zip, by name.
    """
    writer = ModelWriter(dtype, shape)
    for plan in outputs:
        writer.output(plan)
    return writer.write(files=files)


def _code(name: str, custom: str | None) -> Table:
    number = _CUSTOM if custom else _BUILTINS[name]
    deprecated: Scalar = ("b", min(number, 127))
    return {0: deprecated, 1: custom, 2: ("i", _VERSIONS.get(name, 1)), 3: ("i", number)}


def _zip(files: Mapping[str, str]) -> bytes:
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as archive:
        for name, text in files.items():
            archive.writestr(name, text)
    return content.getvalue()
