"""The runtime's reference kernels, without XNNPACK: their results are the same on every runtime and processor."""

from pathlib import Path

import numpy as np
from ai_edge_litert.interpreter import Interpreter, OpResolverType
from numpy.typing import NDArray

from edged.errors import InvokeError
from edged.types import ModelSignature
from edged_models.errors import SourceError


class ReferenceKernels:
    """An `Interpreter` on the reference kernels of LiteRT."""

    delegate: str | None = None
    is_repeatable: bool = True

    def __init__(self, path: Path, signature: ModelSignature, runtime: str) -> None:
        """Load the model once more.

        Args:
            path: the model file.
            signature: the signature from the runtime with XNNPACK; the tensor indices are the same.
            runtime: name and version of that runtime.

        Raises:
            SourceError: the reference kernels cannot run the model.
        """
        self.signature = signature
        self.runtime = f"{runtime}, reference kernels"
        kernels = OpResolverType.BUILTIN_WITHOUT_DEFAULT_DELEGATES
        try:
            self._interpreter = Interpreter(str(path), experimental_op_resolver_type=kernels)
            self._interpreter.allocate_tensors()
        except (RuntimeError, ValueError) as error:
            raise SourceError(f"the reference kernels cannot run {path}: {error}") from error

    def invoke(self, array: NDArray[np.generic]) -> tuple[NDArray[np.generic], ...]:
        """Run the model on one input tensor.

        Args:
            array: any shape and any dtype, as the signature's input.

        Returns:
            Copies of the outputs, any shape and any dtype, in the order of the signature.

        Raises:
            InvokeError: the runtime failed.
        """
        try:
            self._interpreter.set_tensor(self.signature.inputs[0].index, array)
            self._interpreter.invoke()
        except (RuntimeError, ValueError) as error:
            raise InvokeError(f"{self.runtime} failed: {error}") from error
        outputs = self.signature.outputs
        return tuple(self._interpreter.get_tensor(tensor.index) for tensor in outputs)

    def close(self) -> None:
        """Do nothing: the interpreter holds only memory."""
