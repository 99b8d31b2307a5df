"""The parsed Python files that the figures are about."""

import ast
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

SCOPE = ("edged", "models/edged_models", "ansible/plugins")

_GIT = shutil.which("git") or "git"

FunctionNode = ast.FunctionDef | ast.AsyncFunctionDef


@dataclass(frozen=True, slots=True)
class Source:
    """One file.

    Attributes:
        path: relative to the checkout.
        lines: how many it has.
        tree: its syntax tree.
    """

    path: str
    lines: int
    tree: ast.Module

    @property
    def module(self) -> str:
        """The dotted module name, counted from the folder that holds the top-level package."""
        parts = Path(self.path).with_suffix("").parts
        parts = parts[1:] if parts[0] == "models" else parts
        return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


@dataclass(frozen=True, slots=True)
class Function:
    """A function or method with the class around it, if there is one."""

    source: Source
    node: FunctionNode
    owner: ast.ClassDef | None

    @property
    def public(self) -> bool:
        """Whether neither the function nor its class has a private name."""
        return not self.node.name.startswith("_") and not (
            self.owner and self.owner.name.startswith("_")
        )

    @property
    def place(self) -> str:
        """Return ``file:line: name``."""
        name = f"{self.owner.name}.{self.node.name}" if self.owner else self.node.name
        return f"{self.source.path}:{self.node.lineno}: {name}"

    @property
    def parameters(self) -> tuple[ast.arg, ...]:
        """All parameters but self and cls."""
        given = self.node.args
        named = [*given.posonlyargs, *given.args, *given.kwonlyargs]
        extra = [one for one in (given.vararg, given.kwarg) if one]
        return tuple(one for one in [*named, *extra] if one.arg not in {"self", "cls"})


def read_sources(root: Path) -> tuple[Source, ...]:
    """Parse every tracked or new Python file in `SCOPE`."""
    listed = subprocess.run(
        [_GIT, "ls-files", "--cached", "--others", "--exclude-standard", *SCOPE],
        cwd=root,
        check=True,
        capture_output=True,
        text=True,
    ).stdout
    paths = [path for path in sorted(set(listed.splitlines())) if path.endswith(".py")]
    return tuple(_read(root, path) for path in paths if (root / path).is_file())


def functions(sources: tuple[Source, ...]) -> Iterator[Function]:
    """Yield every function and method, nested ones too."""
    for source in sources:
        yield from _functions(source, source.tree, None)


def classes(sources: tuple[Source, ...]) -> Iterator[tuple[Source, ast.ClassDef]]:
    """Yield every class with its file."""
    for source in sources:
        for node in ast.walk(source.tree):
            if isinstance(node, ast.ClassDef):
                yield source, node


def _read(root: Path, path: str) -> Source:
    text = (root / path).read_text("utf-8")
    return Source(path, len(text.splitlines()), ast.parse(text, path))


def _functions(source: Source, node: ast.AST, owner: ast.ClassDef | None) -> Iterator[Function]:
    for child in ast.iter_child_nodes(node):
        if isinstance(child, FunctionNode):
            yield Function(source, child, owner)
            yield from _functions(source, child, None)
        else:
            yield from _functions(
                source, child, child if isinstance(child, ast.ClassDef) else owner
            )
