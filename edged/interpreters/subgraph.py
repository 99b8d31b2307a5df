"""One subgraph of an open interpreter: the first through the packages' public calls, others as their `SignatureRunner` runs them."""

from collections.abc import Collection, Iterator, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edged.interpreters.shared_tensors import SharedTensors, share_tensors


class Subgraph:
    """A subgraph; the interpreter lives as long as this does."""

    def __init__(self, interpreter: Any, index: int) -> None:
        self._interpreter = interpreter
        self._index = index

    def allocate(self) -> None:
        """Allocate the tensors, which also applies the runtime's own delegate."""
        if self._index:
            self._native().AllocateTensors(self._index)
        else:
            self._interpreter.allocate_tensors()

    def describe_tensors(self, indices: tuple[int, ...]) -> Iterator[Mapping[str, Any]]:
        """Yield the runtime's description of each tensor."""
        for index in indices:
            yield self._interpreter._get_tensor_details(index, self._index)  # noqa: SLF001 - see above

    def list_ops(self) -> list[Mapping[str, Any]]:
        """Return the runtime's list of the first subgraph's operators; empty for another subgraph, of which it has none."""
        # Private, but the same in both packages and the only way to get the post-process op's own outputs.
        return [] if self._index else list(self._interpreter._get_ops_details())  # noqa: SLF001 - see above

    def set_tensor(self, index: int, array: NDArray[np.generic]) -> None:
        """Copy an array into a tensor, as (1, H, W, 3) uint8."""
        if self._index:
            self._native().SetTensor(index, array, self._index)
        else:
            self._interpreter.set_tensor(index, array)

    def invoke(self) -> None:
        """Run the subgraph, without the GIL."""
        if self._index:
            self._native().Invoke(self._index)
        else:
            self._interpreter.invoke()

    def get_tensor(self, index: int) -> NDArray[np.generic]:
        """Return a copy of a tensor, as (1, N) float32."""
        tensor: NDArray[np.generic] = self._interpreter.get_tensor(index, self._index)
        return tensor

    def share_tensors(
        self, inputs: tuple[int, ...], outputs: tuple[int, ...], written: Collection[int]
    ) -> SharedTensors | None:
        """Return the memory of inputs and outputs, after one invocation; None if it can move, or this is not the first subgraph.

        Args:
            inputs: the runtime's numbers of the inputs.
            outputs: the runtime's numbers of the outputs.
            written: the runtime's numbers of all tensors that the file's operators write.
        """
        if self._index:
            return None
        return share_tensors(
            self._interpreter, inputs, outputs, written=written, invoke=self.invoke
        )

    def _native(self) -> Any:
        # Private, but the same in both packages, and `SignatureRunner` uses it too. The packages count its references: keep none.
        return self._interpreter._interpreter  # noqa: SLF001 - see above
