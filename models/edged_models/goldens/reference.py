"""A model on the runtime's own kernels, without XNNPACK: these give the same on every runtime and processor."""

from pathlib import Path

import numpy as np
from ai_edge_litert.interpreter import Interpreter, OpResolverType
from numpy.typing import NDArray

from edged.errors import InvokeError
from edged.types import ModelSignature
from edged_models.errors import SourceError


class ReferenceKernels:
    """See `edged.interfaces.Interpreter`."""

    delegate = ""

    def __init__(self, path: Path, signature: ModelSignature, runtime: str) -> None:
        """Load the model a second time.

        Args:
            path: of the file.
            signature: as the runtime with XNNPACK has it; the tensors' numbers are the same.
            runtime: its name and version.

        Raises:
            SourceError: these kernels cannot run it.
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
        """See `edged.interfaces.Interpreter`."""
        try:
            self._interpreter.set_tensor(self.signature.inputs[0].index, array)
            self._interpreter.invoke()
        except (RuntimeError, ValueError) as error:
            raise InvokeError(f"{self.runtime} failed: {error}") from error
        outputs = self.signature.outputs
        return tuple(self._interpreter.get_tensor(tensor.index) for tensor in outputs)

    def close(self) -> None:
        """Nothing but memory is held."""
