"""The interface of an interpreter driver."""

from typing import ClassVar, Protocol

import numpy as np
from numpy.typing import NDArray

from edged.interfaces.library import Library
from edged.types import ModelSignature


class Interpreter(Protocol):
    """A model loaded on a runtime."""

    libraries: ClassVar[tuple[Library, ...]]
    """What the driver imports when it is opened, beside edged's own dependencies."""
    signature: ModelSignature
    runtime: str
    """Name and version of the runtime, as ``litert 2.3.0``."""
    delegate: str | None
    """What runs the graph, as ``XNNPACK (61 of 64 operators)`` or ``edgetpu (libedgetpu.so.1, 1 of 2 operators)``; None for the runtime's reference kernels."""

    is_repeatable: bool
    """Whether the same picture gives the same bytes after each load. A delegate does not promise it: it may compute in another order,
    and its device may be open only once."""

    def share_input(self) -> NDArray[np.generic] | None:
        """Return the input tensor's memory, as (1, H, W, C) uint8, to be filled between invocations; None if it cannot be shared.

        It may invoke the model once. With a delegate it is None: an accelerator may work while the next input is prepared.
        """

    def invoke(self, array: NDArray[np.generic]) -> tuple[NDArray[np.generic], ...]:
        """Run the model on one input tensor.

        Args:
            array: shape and dtype of `signature.inputs[0]`: a picture, as (1, H, W, C) uint8 for most models; the array that
                `share_input` returned, or any other.

        Returns:
            The outputs in the order of `signature.outputs`, each with its shape there and the same dtype, not dequantised: copies, or
            with the shared input views that are valid until the next invocation.

        Raises:
            InvokeError: the runtime or the delegate's device failed.
        """

    def close(self) -> None:
        """Free the model and the delegate's device."""
