"""Import cycles between modules, and between packages of one root."""

import ast
from collections.abc import Iterator, Mapping

from figures.figure import Figure
from figures.source import Source

Graph = dict[str, set[str]]


def cycle_figures(sources: tuple[Source, ...]) -> tuple[Figure, ...]:
    """Return the figures of import cycles."""
    modules = _module_graph(sources)
    found = _cycles(modules) + _cycles(_package_graph(modules))
    places = tuple(sorted({" ↔ ".join(sorted(cycle)) for cycle in found}))
    return (
        Figure(
            name="import cycles of modules and packages", value=len(places), limit=0, places=places
        ),
    )


def _module_graph(sources: tuple[Source, ...]) -> Graph:
    names = {source.module for source in sources}
    return {source.module: set(_imports(source, names)) - {source.module} for source in sources}


def _imports(source: Source, names: set[str]) -> Iterator[str]:
    for node in ast.walk(source.tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names if alias.name in names)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            for alias in node.names:
                full = f"{node.module}.{alias.name}"
                yield full if full in names else node.module


def _package_graph(modules: Mapping[str, set[str]]) -> Graph:
    """Join the modules of each second-level package: ``edged.updates``, ``edged_models.marks``."""
    graph: Graph = {}
    for module, imported in modules.items():
        package = ".".join(module.split(".")[:2])
        others = {".".join(name.split(".")[:2]) for name in imported if name in modules}
        graph.setdefault(package, set()).update(others - {package, package.split(".")[0]})
    return graph


def _cycles(graph: Graph) -> list[set[str]]:
    """Return the strongly connected components of more than one node (Tarjan, 1972)."""
    index: dict[str, int] = {}
    low: dict[str, int] = {}
    stack: list[str] = []
    found: list[set[str]] = []

    def visit(node: str) -> None:
        index[node] = low[node] = len(index)
        stack.append(node)
        for other in graph.get(node, ()):
            if other not in index:
                visit(other)
                low[node] = min(low[node], low[other])
            elif other in stack:
                low[node] = min(low[node], index[other])
        if low[node] == index[node]:
            component = set[str]()
            while node not in component:
                component.add(stack.pop())
            if len(component) > 1:
                found.append(component)

    for node in graph:
        if node not in index:
            visit(node)
    return found
