"""The operators that a delegate took over. Pure.

A runtime does not tell them: it leaves them in its list and appends one node for each part of the graph that the delegate runs.
They are the operators between that node's inputs and its outputs.
"""

from collections.abc import Iterable, Sequence

from edged.types import OpInfo


def count_delegated(parts: Iterable[OpInfo], ops: Sequence[OpInfo]) -> int:
    """Return the number of operators that the parts replace.

    Args:
        parts: the nodes that one delegate appended.
        ops: the operators of the graph in the file.
    """
    producers = {tensor: i for i, op in enumerate(ops) for tensor in op.outputs}
    taken: set[int] = set()
    for part in parts:
        _collect(part, ops, producers, taken)
    return len(taken)


def _collect(
    part: OpInfo, ops: Sequence[OpInfo], producers: dict[int, int], taken: set[int]
) -> None:
    tensors = list(part.outputs)
    while tensors:
        tensor = tensors.pop()
        op = producers.get(tensor)
        if tensor not in part.inputs and op is not None and op not in taken:
            taken.add(op)
            tensors.extend(ops[op].inputs)
