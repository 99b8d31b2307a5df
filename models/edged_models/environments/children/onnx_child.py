"""Conversion of ONNX files with onnx2tf, and their reference outputs by ONNX Runtime. Runs in .venv-models-onnx."""

import os
import re
import sys
from contextlib import redirect_stdout
from io import StringIO
from itertools import product
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

# onnx2tf calls onnxsim as a program.
os.environ["PATH"] = f"{Path(sys.executable).parent}{os.pathsep}{os.environ.get('PATH', '')}"
os.environ["TF_USE_LEGACY_KERAS"] = "1"
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")

import numpy as np
import onnx
import onnx2tf
import onnxruntime
from ai_edge_litert.interpreter import Interpreter, OpResolverType
from child_protocol import RefusedError, describe_error, serve

_COLOUR = re.compile(r"\x1b\[[0-9;]*m")
Axes = tuple[int, ...]
IMAGE_RANK = 4
CHANNEL_COUNTS = (1, 3)
SAMPLE_FILE = "calibration_image_sample_data_20x128x128x3_float32.npy"
"""Pictures that onnx2tf downloads from the internet, unless a file of this name lies in the working directory."""
TOLERANCE = 1e-3
"""Largest difference between ONNX Runtime and the .tflite, relative to the largest value of the output."""
PSEUDO_OPERATORS = ["erf", "gelu"]
"""Operators that are converted to simpler ones: TensorFlow Lite has no Erf."""


class OnnxModel:
    """An ONNX graph with one input.

    `run` gives the outputs in the order and layout of the .tflite.
    """

    def __init__(self, path: str, input_name: str, shape: list[int]) -> None:
        self._path, self._input, self._shape = path, input_name, shape
        self._session = _open_session(path)
        self._names = [one.name for one in self._session.get_outputs()]
        self._transposed: dict[str, Axes] = {}

    def convert(self, out: Path) -> dict[str, Any]:
        """Write a float .tflite."""
        with TemporaryDirectory(dir=out.parent) as folder:
            content = self._convert(Path(folder))
        order = self._match_outputs(content)
        out.write_bytes(content)
        return {"outputs": self._names, "order": order}

    def run(self, tensor: np.ndarray) -> list[np.ndarray]:
        """Run the graph with ONNX Runtime.

        Args:
            tensor: (1, height, width, channels) float32.
        """
        image = np.ascontiguousarray(tensor.transpose(0, 3, 1, 2))
        outputs = self._session.run(None, {self._input: image})
        return [
            np.transpose(output, self._transposed[name]) if self._transposed.get(name) else output
            for name, output in zip(self._names, outputs, strict=True)
        ]

    def _convert(self, folder: Path) -> bytes:
        # A copy: onnx2tf writes the simplified graph over its source.
        onnx.save(onnx.load(self._path), folder / "graph.onnx")
        rng = np.random.default_rng(0)
        np.save(folder / SAMPLE_FILE, rng.random((20, 128, 128, 3), dtype=np.float32))
        before = Path.cwd()
        os.chdir(folder)
        messages = StringIO()
        try:
            with redirect_stdout(messages):
                onnx2tf.convert(
                    input_onnx_file_path="graph.onnx",
                    output_folder_path=".",
                    overwrite_input_shape=[f"{self._input}:{','.join(map(str, self._shape))}"],
                    replace_to_pseudo_operators=PSEUDO_OPERATORS,
                    output_signaturedefs=True,  # without it, some names of operators are refused
                    non_verbose=True,
                )
        except SystemExit as error:
            raise RefusedError(
                f"onnx2tf cannot convert {self._path}: {_find_errors(messages.getvalue())}"
            ) from error
        finally:
            os.chdir(before)
        written = folder / "graph_float32.tflite"
        if not written.is_file():
            raise RefusedError(f"onnx2tf cannot convert {self._path}, and does not say why")
        return written.read_bytes()

    def _match_outputs(self, content: bytes) -> list[int]:
        """Find the output of the .tflite that each output of the graph has become, by running both.

        onnx2tf renames outputs, and changes their order and the order of their axes.
        """
        rng = np.random.default_rng(1)
        size = [self._shape[axis] for axis in (0, 2, 3, 1)]
        image = rng.random(size, dtype=np.float32)
        converted = _run_tflite(content, image)
        order = []
        for name, expected in zip(self._names, self.run(image), strict=True):
            free = [i for i in range(len(converted)) if i not in order]
            fits = [
                (_difference(expected.transpose(axes), converted[i]), i, axes)
                for i, axes in product(free, _layouts(expected.ndim))
                if expected.transpose(axes).shape == converted[i].shape
            ]
            off, index, axes = min(fits, default=(np.inf, -1, ()))
            if not off <= TOLERANCE:
                what = (
                    f"is off by {off:.2g} of its largest value"
                    if fits
                    else f"{list(expected.shape)} is missing"
                )
                raise RefusedError(
                    f"onnx2tf converts {self._path} wrongly: the output {name} {what}"
                )
            order.append(index)
            self._transposed[name] = axes
        return order


def _read_graph(path: str) -> onnx.GraphProto:
    try:
        onnx.checker.check_model(path)
        return onnx.load(path, load_external_data=False).graph
    except Exception as error:  # a damaged file raises nearly anything
        raise RefusedError(
            f"{path} cannot be read as an ONNX file: {describe_error(error)}"
        ) from error


def open_model(request: dict[str, Any]) -> OnnxModel:
    """Read the graph, and find its only input."""
    path = request["spec"]
    graph = _read_graph(path)
    constants = {one.name for one in graph.initializer}
    inputs = [one for one in graph.input if one.name not in constants]
    if len(inputs) != 1:
        raise RefusedError(f"{path} has {len(inputs)} inputs; it must have one, a picture")
    tensor = inputs[0].type.tensor_type
    if tensor.elem_type != onnx.TensorProto.FLOAT:
        raise RefusedError(
            f"{path}'s input is {onnx.TensorProto.DataType.Name(tensor.elem_type)}; it must be FLOAT"
        )
    declared = [one.dim_value or None for one in tensor.shape.dim]
    return OnnxModel(path, inputs[0].name, _fix_shape(path, declared, request["input_shape"]))


def _find_errors(messages: str) -> str:
    """Return what onnx2tf has printed as errors, in one line."""
    lines = [_COLOUR.sub("", line).strip() for line in messages.splitlines()]
    errors = [line.removeprefix("ERROR:").strip() for line in lines if line.startswith("ERROR:")]
    return " ".join(errors)[:300] or "it does not say why"


def _open_session(path: str) -> onnxruntime.InferenceSession:
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.log_severity_level = 3
    try:
        return onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
    except Exception as error:  # of its own types
        raise RefusedError(f"ONNX Runtime cannot run {path}: {describe_error(error)}") from error


def _fix_shape(path: str, declared: list[int | None], given: list[int]) -> list[int]:
    described = (
        f"{path}'s input [{', '.join('?' if one is None else str(one) for one in declared)}]"
    )
    if len(declared) != IMAGE_RANK or (given and len(given) != IMAGE_RANK):
        raise RefusedError(f"{described} is not a single picture [1, channels, height, width]")
    if given and any(one not in (None, new) for one, new in zip(declared, given, strict=True)):
        raise RefusedError(f"{described} is fixed: omit --input and --side")
    shape = list(given or [declared[0] or 1, *declared[1:]])
    if None in shape:
        raise RefusedError(
            f"{described} has a variable size: set it with --input 1,3,H,W or --side"
        )
    if shape[0] != 1 or shape[1] not in CHANNEL_COUNTS:
        raise RefusedError(
            f"{described} is not a single picture [1, channels, height, width] with 1 or 3 channels"
        )
    return shape


def _run_tflite(content: bytes, image: np.ndarray) -> list[np.ndarray]:
    try:
        interpreter = Interpreter(
            model_content=content, experimental_op_resolver_type=OpResolverType.BUILTIN_REF
        )
        interpreter.allocate_tensors()
        interpreter.set_tensor(interpreter.get_input_details()[0]["index"], image)
        interpreter.invoke()
        return [interpreter.get_tensor(one["index"]) for one in interpreter.get_output_details()]
    except (RuntimeError, ValueError) as error:
        line = [part for part in str(error).splitlines() if part.strip()][-1]
        raise RefusedError(f"the converted model does not run: {line[-200:]}") from error


def _layouts(rank: int) -> list[Axes]:
    """Return the orders of axes that onnx2tf gives an output: unchanged, or with the channels last."""
    unchanged = tuple(range(rank))
    return [unchanged, (0, *range(2, rank), 1)] if rank > 2 else [unchanged]  # noqa: PLR2004


def _difference(expected: np.ndarray, converted: np.ndarray) -> float:
    scale = max(float(np.abs(expected).max(initial=0)), 1e-6)
    return float(np.abs(expected.astype(np.float64) - converted).max(initial=0)) / scale


if __name__ == "__main__":
    serve(open_model)
