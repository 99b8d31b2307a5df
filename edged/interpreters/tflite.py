"""The TensorFlow Lite interpreter, from either of the two packages that contain it.

Both have the same `Interpreter` class, and only that is used. They fail in different ways, which become edged's own errors here.
"""

import ctypes
import re
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from edged.errors import DelegateError, InvokeError, ModelError, RegistryError, describe_error
from edged.host.native_output import drop_native_info
from edged.interfaces import Library
from edged.interpreters.custom_ops import CustomOps
from edged.interpreters.delegated_ops import DELEGATE_OP, describe_delegates
from edged.interpreters.runtime_details import read_op, read_tensor
from edged.interpreters.shared_tensors import SharedTensors
from edged.interpreters.subgraph import Subgraph
from edged.model.file.graph import GraphInfo, read_graph
from edged.model.file.metadata import read_metadata
from edged.types import FileMetadata, ModelSignature, OpInfo

_EDGETPU_OP = "edgetpu-custom-op"
_UNRESOLVED_OP = re.compile(r"unresolved custom op: (\S+?)\.?\s")


class _TfliteInterpreter:
    """One model on the interpreter of one thread."""

    libraries: ClassVar[tuple[Library, ...]]
    _package: ClassVar[str]
    _extra: ClassVar[str]

    def __init__(
        self,
        path: Path,
        *,
        threads: int = 1,
        delegate: str | None = None,
        delegate_options: Mapping[str, str] | None = None,
        custom_ops: Mapping[str, str] | None = None,
    ) -> None:
        """Load the model, and apply the delegate to it.

        Args:
            path: the .tflite; it is memory-mapped, so it must never be overwritten in place.
            threads: number of threads for the CPU's kernels.
            delegate: library of an external delegate, as a path or a name that the dynamic linker finds; None for the CPU.
            delegate_options: options that are passed to the delegate unchanged.
            custom_ops: libraries with operators that the runtime does not have; see `CustomOps`.

        Raises:
            RegistryError: the runtime is not installed, or does not work with the installed numpy.
            DelegateError: the delegate cannot be loaded, its device is absent, or the model needs one that is not set.
            ModelError: the file is not a model, or has operators that neither the runtime nor a library implements; or a custom
                operator's library is invalid.
        """
        file_metadata, graph = read_metadata(path), read_graph(path)
        module = self.import_runtime()
        self.runtime = f"{self._extra} {sys.modules[self._package].__version__}"
        # Custom operators first, because another delegate may need all operators resolved.
        delegates = [CustomOps(custom_ops)] if custom_ops else []
        if delegate is not None:
            delegates.append(self._load_delegate(module, delegate, delegate_options or {}))
        with drop_native_info():
            interpreter = self._load_model(module, path, threads, delegates)
            self._subgraph: Subgraph | None = Subgraph(interpreter, graph.entry_point.subgraph)
            ops = self._list_ops()
            self._allocate(path, [op.name for op in ops])
        # Delegates append nodes of their own: an external one before the allocation, XNNPACK during it.
        self.delegate: str | None = describe_delegates(delegate, ops, self._list_ops())
        self.is_repeatable = delegate is None
        # A delegate can work while the next input is written, and a library's operator must be freed with the model.
        self._can_share = not delegates
        self._file_ops = graph.ops
        self.signature = self._read_signature(file_metadata, graph)
        self._output_indices = tuple(tensor.index for tensor in self.signature.outputs)
        self._shared: SharedTensors | None = None

    def share_input(self) -> NDArray[np.generic] | None:
        """Return the input's own memory, after one invocation, if that succeeds, the CPU runs the graph and never moves it; else None."""
        if self._can_share and self._shared is None:
            inputs = tuple(tensor.index for tensor in self.signature.inputs)
            written = {index for op in self._file_ops for index in op.outputs}
            # Whether the model fails is for the first real invocation to say.
            with suppress(InvokeError), self._translate_errors():
                self._shared = self._graph.share_tensors(inputs, self._output_indices, written)
        return None if self._shared is None else self._shared.input

    def invoke(self, array: NDArray[np.generic]) -> tuple[NDArray[np.generic], ...]:
        """Run the graph, without the GIL.

        Args:
            array: shape and dtype of the model's input, as (1, H, W, 3) uint8; the very array that `share_input` returned is not copied.

        Returns:
            Copies of the outputs, each with its shape in the signature and the same dtype; with the shared input the outputs
            themselves, valid until the next invocation.

        Raises:
            InvokeError: the runtime or the delegate's device failed.
        """
        shared = self._shared
        with self._translate_errors():
            if shared is not None and array is shared.input:
                self._graph.invoke()
                return shared.outputs
            self._graph.set_tensor(self.signature.inputs[0].index, array)
            self._graph.invoke()
            return tuple(self._graph.get_tensor(index) for index in self._output_indices)

    @contextmanager
    def _translate_errors(self) -> Iterator[None]:
        try:
            yield
        except (RuntimeError, ValueError, MemoryError) as error:
            raise InvokeError(
                f"{self.runtime} failed on a frame: {describe_error(error)}"
            ) from error

    def close(self) -> None:
        """Free the model; the delegate's device is released with the last reference to it."""
        self._subgraph = self._shared = None

    @property
    def _graph(self) -> Subgraph:
        if self._subgraph is None:
            raise ValueError("it was closed")
        return self._subgraph

    def _read_signature(self, file_metadata: FileMetadata, graph: GraphInfo) -> ModelSignature:
        ops = tuple(op for op in self._list_ops() if op.name != DELEGATE_OP)
        return ModelSignature(
            inputs=tuple(map(read_tensor, self._graph.describe_tensors(graph.inputs))),
            outputs=tuple(map(read_tensor, self._graph.describe_tensors(graph.outputs))),
            ops=ops or graph.ops,
            metadata=file_metadata,
            postprocess=graph.postprocess,
            entry_point=graph.entry_point,
        )

    @classmethod
    def import_runtime(cls) -> ModuleType:
        """Import the runtime, and return its module with the interpreter.

        Raises:
            RegistryError: the runtime is not installed.
        """
        try:
            return import_module(f"{cls._package}.interpreter")
        except ImportError as error:
            raise RegistryError(
                f"cannot import the runtime {cls._extra!r} ({describe_error(error)}): install edged[{cls._extra}]"
            ) from error

    def _load_delegate(self, module: ModuleType, library: str, options: Mapping[str, str]) -> Any:
        _check_library(library)
        try:
            return module.load_delegate(library, dict(options))
        except ValueError as error:
            raise DelegateError(
                f"the delegate {library} cannot open its device ({describe_error(error)}); check that the device is plugged"
                " in and that edged's user has access to it"
            ) from error

    def _load_model(
        self, module: ModuleType, path: Path, threads: int, delegates: list[Any]
    ) -> Any:
        try:
            return module.Interpreter(
                model_path=str(path),
                num_threads=threads,
                experimental_delegates=delegates or None,
            )
        except (ImportError, AttributeError, SystemError) as error:
            # tflite-runtime can be imported with numpy 2, and fails like this when it first uses it.
            raise RegistryError(
                f"the runtime {self.runtime} does not work with numpy {np.__version__}: install edged[{self._extra}]"
            ) from error
        except (RuntimeError, ValueError, MemoryError) as error:
            raise ModelError(
                f"{self.runtime} cannot load {path}: {describe_error(error)}"
            ) from error

    def _allocate(self, path: Path, ops: list[str]) -> None:
        try:
            self._graph.allocate()
        except (RuntimeError, ValueError, MemoryError) as error:
            if _EDGETPU_OP in ops and DELEGATE_OP not in ops:
                raise DelegateError(
                    f"{path} is compiled for the EdgeTPU: set model.delegate to its library, as libedgetpu.so.1, "
                    "or use the model's CPU variant"
                ) from error
            if unknown := _UNRESOLVED_OP.search(str(error)):
                raise ModelError(
                    f"{path} has the operator {unknown[1]}, which {self.runtime} does not implement: set "
                    f"model.custom_ops.{unknown[1]} to a library that does"
                ) from error
            raise ModelError(
                f"{self.runtime} cannot run {path}: {describe_error(error)}"
            ) from error

    def _list_ops(self) -> list[OpInfo]:
        return [read_op(entry) for entry in self._graph.list_ops()]


class LiteRtInterpreter(_TfliteInterpreter):
    """The interpreter of ai-edge-litert, the successor of tflite-runtime."""

    libraries = (Library.of_extra("ai-edge-litert", "ai_edge_litert", "litert"),)
    _package = "ai_edge_litert"
    _extra = "litert"


class TfliteRuntimeInterpreter(_TfliteInterpreter):
    """The interpreter of tflite-runtime, for Python 3.11 and numpy 1; the only runtime on 32-bit Arm."""

    libraries = (Library.of_extra("tflite-runtime", "tflite_runtime", "tflite"),)
    _package = "tflite_runtime"
    _extra = "tflite"


def _check_library(library: str) -> None:
    """Fail before the runtimes do, whose `Delegate` would leave a half-built object behind, and its `__del__` raises."""
    try:
        loaded = ctypes.CDLL(library)
    except OSError as error:
        raise DelegateError(f"cannot load the delegate {library}: {error}") from error
    if not hasattr(loaded, "tflite_plugin_create_delegate"):
        raise DelegateError(
            f"{library} is not a delegate: it does not export tflite_plugin_create_delegate"
        )
