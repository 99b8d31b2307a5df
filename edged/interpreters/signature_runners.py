"""The signatures of a model beside the one that the daemon runs: a model that learns has one for each thing that it can do."""

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edged.errors import InvokeError, ModelError, describe_error
from edged.host.native_output import drop_native_info
from edged.registry import INTERPRETERS, load_driver


class SignatureRunners:
    """A model whose signatures run by name, on the CPU. Variables keep their values from one run to the next."""

    def __init__(self, path: Path, runtime: str, signatures: tuple[str, ...]) -> None:
        """Load the model.

        Args:
            path: the .tflite.
            runtime: a name of the registry, ``litert`` or ``tflite``.
            signatures: the signatures that it must have.

        Raises:
            ModelError: it cannot be loaded, or a signature is missing.
            RegistryError: the runtime is not installed.
        """
        module = load_driver(INTERPRETERS, runtime).import_runtime()
        try:
            with drop_native_info():
                # Kept, because the runners do not keep their interpreter alive.
                self._interpreter = module.Interpreter(model_path=str(path))
                self._check_signatures(path, signatures)
                self._runners = {
                    one: self._interpreter.get_signature_runner(one) for one in signatures
                }
        except (RuntimeError, ValueError, MemoryError) as error:
            if isinstance(error, ModelError):
                raise
            raise ModelError(f"{runtime} cannot load {path}: {describe_error(error)}") from error

    def input_shape(self, signature: str, name: str) -> tuple[int, ...]:
        """Return the shape of one of a signature's inputs.

        Raises:
            ModelError: it has no such input.
        """
        details = self._runners[signature].get_input_details()
        if name not in details:
            raise ModelError(f"the signature {signature} has no input {name}")
        return tuple(int(side) for side in details[name]["shape"])

    def run(self, signature: str, **inputs: NDArray[Any] | np.float32) -> dict[str, NDArray[Any]]:
        """Run a signature, and return copies of its outputs by name.

        Args:
            signature: its name, one of those that were asked for.
            inputs: its inputs by name, in the shapes and dtypes that the file gives them, as (1, H, W, 3) uint8.

        Raises:
            InvokeError: the runtime failed, or the inputs do not fit.
        """
        try:
            with drop_native_info():
                outputs: dict[str, NDArray[Any]] = self._runners[signature](**inputs)
        except (RuntimeError, ValueError, MemoryError) as error:
            raise InvokeError(
                f"the signature {signature} failed: {describe_error(error)}"
            ) from error
        return outputs

    def _check_signatures(self, path: Path, wanted: tuple[str, ...]) -> None:
        if missing := set(wanted) - set(self._interpreter.get_signature_list()):
            raise ModelError(
                f"{path} has no signature {', '.join(sorted(missing))}: it cannot learn; make a model that can by `edged-models personalise`"
            )
