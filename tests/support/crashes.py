"""Every state that a power cut can leave on a disk (after ALICE, OSDI 2014).

A change that was not synced may have reached the disk or not, whatever came before or after it: each change of names by itself,
and of a file's new bytes none, a half or all.
"""

from collections.abc import Callable, Iterator, Sequence
from itertools import product

from support.disk import Event, Named, Node, Nodes, Synced, Tree, Written

MOST_TOGETHER = 6
"""Changes of names in one folder of which every subset is tried; of more, the first few, the last few, each alone, all but each."""


def crash_states(start: Nodes, log: Sequence[Event], at: int) -> Iterator[Tree]:
    """All that can be on the disk if the power is cut after the first `at` events; what cannot be reached is left out."""
    return _Possible(start, log[:at]).trees(0)


def one_crash_state(start: Nodes, log: Sequence[Event], choose: Callable[[int], int]) -> Tree:
    """One of them, at the end of the log: `choose` gives a number below the one that it is given."""
    possible = _Possible(start, log)
    nodes = possible.durable
    for changes in possible.names.values():
        for change in changes:
            if choose(2):
                nodes.apply(change)
    for file, content in possible.written.items():
        nodes.apply(Written(file, content[: choose(len(content) + 1)]))
    return nodes.tree()


def most_together(start: Nodes, log: Sequence[Event]) -> int:
    """How many changes of names in one folder wait for its sync, at the worst moment."""
    return max(
        (
            len(changes)
            for at in range(len(log) + 1)
            for changes in _Possible(start, log[:at]).names.values()
        ),
        default=0,
    )


class _Possible:
    """What is durable for sure, and what besides may be: changes of names by folder, bytes by file."""

    def __init__(self, start: Nodes, log: Sequence[Event]) -> None:
        self.durable = start.copy()
        self.names: dict[int, list[Named]] = {}
        self.written: dict[int, bytes] = {}
        synced = {event.node: at for at, event in enumerate(log) if isinstance(event, Synced)}
        for at, event in enumerate(log):
            match event:
                case Named(folder) if synced.get(folder, -1) < at:
                    self.names.setdefault(folder, []).append(event)
                case Written(file, content) if synced.get(file, -1) < at:
                    self.written[file] = self.written.get(file, b"") + content
                case _:
                    self.durable.apply(event)

    def trees(self, folder: int) -> Iterator[Tree]:
        """Everything that can be in a folder, by path from there."""
        for names in self._names_in(folder):
            parts = [list(self._below(name, node)) for name, node in names.items()]
            for chosen in product(*parts):
                yield {path: content for part in chosen for path, content in part.items()}

    def _names_in(self, folder: int) -> Iterator[dict[str, Node]]:
        changes, seen = self.names.get(folder, []), set[frozenset[tuple[str, Node]]]()
        for choice in _choices(len(changes)):
            nodes = Nodes(folders={folder: dict(self.durable.names(folder))})
            for change, happened in zip(changes, choice, strict=True):
                if happened:
                    nodes.apply(change)
            names = nodes.names(folder)
            if (key := frozenset(names.items())) not in seen:
                seen.add(key)
                yield names

    def _below(self, name: str, node: Node) -> Iterator[Tree]:
        if node.kind == "link":
            yield {name: node.target}
        elif node.kind == "folder":
            for tree in self.trees(node.number):
                yield {name: None, **{f"{name}/{path}": content for path, content in tree.items()}}
        else:
            old, new = self.durable.content(node.number), self.written.get(node.number, b"")
            for length in sorted({0, len(new) // 2, len(new)}):
                yield {name: old + new[:length]}


def _choices(count: int) -> Iterator[Sequence[bool]]:
    if count <= MOST_TOGETHER:
        yield from product((False, True), repeat=count)
        return
    places = range(count)
    for one in places:
        yield [place <= one for place in places]
        yield [place >= one for place in places]
        yield [place == one for place in places]
        yield [place != one for place in places]
    yield [False for _ in places]
