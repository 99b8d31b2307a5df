"""The operators that a delegate took over. Pure.

A runtime does not tell them: it leaves them in its list and appends one node for each part of the graph that the delegate runs.
They are the operators between that node's inputs and its outputs.
"""

from collections.abc import Iterable, Sequence
from pathlib import Path

from edged.types import OpInfo

DELEGATE_OP = "DELEGATE"


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


def describe_delegates(
    delegate: str | None, ops_before_allocation: list[OpInfo], ops: list[OpInfo]
) -> str | None:
    """Return what runs the graph, with its share of the operators; None for the runtime's reference kernels.

    Args:
        delegate: library of the external delegate; None without one.
        ops_before_allocation: the operators when only the external delegate has been applied.
        ops: the operators after the allocation, which applies XNNPACK.
    """
    external = sum(op.name == DELEGATE_OP for op in ops_before_allocation)
    parts = [op for op in ops if op.name == DELEGATE_OP]
    own = [op for op in ops if op.name != DELEGATE_OP]
    names = []
    if delegate and external:
        share = _format_share(parts[:external], own)
        names.append(f"{_delegate_name(delegate)} ({delegate}, {share})")
    if parts[external:]:
        names.append(f"XNNPACK ({_format_share(parts[external:], own)})")
    return " + ".join(names) or None


def _format_share(parts: list[OpInfo], ops: list[OpInfo]) -> str:
    return f"{count_delegated(parts, ops)} of {len(ops)} operators"


def _delegate_name(library: str | None) -> str:
    return Path(library or "").name.removeprefix("lib").split(".")[0]
