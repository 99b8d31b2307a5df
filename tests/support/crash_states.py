"""All states that a power cut can leave on a disk (after ALICE, OSDI 2014).

A change that was not synced may or may not have reached the disk, independently of those before and after it: each change of names by itself,
and none, half or all of a file's new bytes.
"""

from collections.abc import Callable, Iterator, Sequence
from itertools import product

from support.disk import (
    BytesWritten,
    DiskEvent,
    DiskNode,
    DiskTree,
    NamesChanged,
    NodeTable,
    Synced,
)

MAX_UNSYNCED_NAME_CHANGES = 6
"""Up to so many changes of names in a folder, every subset is tried; of more, the first few, the last few, each alone, and all but each."""


def crash_states(
    start: NodeTable, log: Sequence[DiskEvent], event_count: int
) -> Iterator[DiskTree]:
    """Yield what can be on the disk after a power cut: reachable files only.

    Args:
        start: what was durable at first.
        log: the events.
        event_count: the power is cut after so many events.
    """
    return _PossibleChanges(start, log[:event_count]).trees(0)


def pick_crash_state(
    start: NodeTable, log: Sequence[DiskEvent], choose: Callable[[int], int]
) -> DiskTree:
    """Return one crash state at the end of the log.

    Args:
        start: what was durable at first.
        log: the events.
        choose: returns a number below its argument.
    """
    possible = _PossibleChanges(start, log)
    nodes = possible.durable
    for changes in possible.name_changes.values():
        for change in changes:
            if choose(2):
                nodes.apply(change)
    for file, content in possible.written_bytes.items():
        nodes.apply(BytesWritten(file, content[: choose(len(content) + 1)]))
    return nodes.tree()


def max_unsynced_name_changes(start: NodeTable, log: Sequence[DiskEvent]) -> int:
    """Return the largest number of changes of names in one folder that wait for its sync."""
    return max(
        (
            len(changes)
            for at in range(len(log) + 1)
            for changes in _PossibleChanges(start, log[:at]).name_changes.values()
        ),
        default=0,
    )


class _PossibleChanges:
    """What is durable, and what may be in addition: changes of names by folder, bytes by file."""

    def __init__(self, start: NodeTable, log: Sequence[DiskEvent]) -> None:
        self.durable = start.copy()
        self.name_changes: dict[int, list[NamesChanged]] = {}
        self.written_bytes: dict[int, bytes] = {}
        synced = {event.node: at for at, event in enumerate(log) if isinstance(event, Synced)}
        for at, event in enumerate(log):
            match event:
                case NamesChanged(folder) if synced.get(folder, -1) < at:
                    self.name_changes.setdefault(folder, []).append(event)
                case BytesWritten(file, content) if synced.get(file, -1) < at:
                    self.written_bytes[file] = self.written_bytes.get(file, b"") + content
                case _:
                    self.durable.apply(event)

    def trees(self, folder: int) -> Iterator[DiskTree]:
        """Yield everything that can be in a folder, by path from there."""
        for names in self._names_in(folder):
            parts = [list(self._node_states(name, node)) for name, node in names.items()]
            for chosen in product(*parts):
                yield {path: content for part in chosen for path, content in part.items()}

    def _names_in(self, folder: int) -> Iterator[dict[str, DiskNode]]:
        changes, seen = self.name_changes.get(folder, []), set[frozenset[tuple[str, DiskNode]]]()
        for choice in _subsets(len(changes)):
            nodes = NodeTable(folders={folder: dict(self.durable.names(folder))})
            for change, happened in zip(changes, choice, strict=True):
                if happened:
                    nodes.apply(change)
            names = nodes.names(folder)
            if (key := frozenset(names.items())) not in seen:
                seen.add(key)
                yield names

    def _node_states(self, name: str, node: DiskNode) -> Iterator[DiskTree]:
        if node.kind == "link":
            yield {name: node.target}
        elif node.kind == "folder":
            for tree in self.trees(node.number):
                yield {name: None, **{f"{name}/{path}": content for path, content in tree.items()}}
        else:
            old, new = self.durable.content(node.number), self.written_bytes.get(node.number, b"")
            for length in sorted({0, len(new) // 2, len(new)}):
                yield {name: old + new[:length]}


def _subsets(count: int) -> Iterator[Sequence[bool]]:
    if count <= MAX_UNSYNCED_NAME_CHANGES:
        yield from product((False, True), repeat=count)
        return
    places = range(count)
    for one in places:
        yield [place <= one for place in places]
        yield [place >= one for place in places]
        yield [place == one for place in places]
        yield [place != one for place in places]
    yield [False for _ in places]
