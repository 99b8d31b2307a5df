"""The memory of a model's input and outputs, used where it is instead of being copied for each frame.

The packages refuse to run while a view of a tensor is alive, because running can move the tensors. That happens only if the graph has dynamic
tensors, whose size is known only at run time: they are allocated during an invocation, and the others may then move. A graph without them
keeps all tensors where the allocation put them; so one invocation shows whether its memory can be shared.
"""

from collections.abc import Callable, Collection
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, eq=False)
class SharedTensors:
    """The tensors of one model; the arrays keep its interpreter alive.

    Attributes:
        input: its only input, as (1, H, W, 3) uint8.
        outputs: its outputs; what they hold changes with every invocation.
    """

    input: NDArray[Any]
    outputs: tuple[NDArray[Any], ...]


class _Memory:
    """One tensor's memory, as numpy's array interface describes it, and the owner of that memory."""

    def __init__(self, view: NDArray[Any], owner: Any) -> None:
        self.__array_interface__ = dict(view.__array_interface__)
        self._owner = owner


def share_tensors(
    interpreter: Any,
    inputs: tuple[int, ...],
    outputs: tuple[int, ...],
    *,
    written: Collection[int],
    invoke: Callable[[], None],
) -> SharedTensors | None:
    """Return the memory of a model's tensors; None if the runtime may move it.

    Args:
        interpreter: a package's interpreter that has allocated its first subgraph.
        inputs: the runtime's numbers of the inputs.
        outputs: the runtime's numbers of the outputs.
        written: the runtime's numbers of all tensors that the file's operators write. No others: the packages crash on the kernels' own.
        invoke: runs the first subgraph once, with whatever the input holds.
    """
    tensors = {*inputs, *outputs, *(index for index in written if index >= 0)}
    if len(inputs) != 1 or not all(_holds_numbers(interpreter, index) for index in tensors):
        return None
    unallocated = _find_unallocated(interpreter, tensors)
    invoke()
    if _find_unallocated(interpreter, tensors) != unallocated or unallocated & {*inputs, *outputs}:
        return None
    arrays = [_share(interpreter, index) for index in (*inputs, *outputs)]
    return SharedTensors(arrays[0], tuple(arrays[1:]))


def _holds_numbers(interpreter: Any, index: int) -> bool:
    details = interpreter._get_tensor_details(index, 0)  # noqa: SLF001 - as in `Subgraph`
    return np.dtype(details["dtype"]).kind in "biuf"


def _find_unallocated(interpreter: Any, tensors: set[int]) -> set[int]:
    """Return which tensors have no memory: dynamic ones before the first invocation, and those inside a delegate always."""
    found = set()
    for index in tensors:
        try:
            interpreter.tensor(index)()
        except ValueError:
            found.add(index)
    return found


def _share(interpreter: Any, index: int) -> NDArray[Any]:
    # The packages count the views of their own; this array refers to the interpreter instead.
    return np.asarray(_Memory(interpreter.tensor(index)(), interpreter))
