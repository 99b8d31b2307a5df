"""The table of floors in docs/architecture.md, made from the import contract and the packages' docstrings.

PYTHONPATH=tests python -m figures.floors     rewrites the table
"""

import ast
import re
import tomllib
from pathlib import Path

_TABLE = re.compile(r"(?<=<!-- floors -->\n).*(?=<!-- /floors -->)", re.DOTALL)
_CONTRACT = "A file looks only down"


def floors_markdown(root: Path) -> str:
    """Return the table: one row a package, the floors from the top down.

    Args:
        root: the checkout.
    """
    rows = ["| floor | package | what it does |", "|---|---|---|"]
    for number, names in enumerate(_floors(root), 1):
        rows += [f"| {number} | {_link(root, name)} | {_purpose(root, name)} |" for name in names]
    return "\n".join(rows) + "\n"


def update_document(root: Path, text: str) -> str:
    """Return the text of docs/architecture.md with its table made anew."""
    return _TABLE.sub(lambda _: floors_markdown(root), text)


def _floors(root: Path) -> list[list[str]]:
    settings = tomllib.loads((root / "pyproject.toml").read_text("utf-8"))
    contracts = settings["tool"]["importlinter"]["contracts"]
    layers: list[str] = next(one["layers"] for one in contracts if one["name"] == _CONTRACT)
    return [re.split(r"\s*[|:]\s*", layer) for layer in layers]


def _file(root: Path, name: str) -> Path:
    package = root / "edged" / name / "__init__.py"
    return package if package.is_file() else root / "edged" / f"{name}.py"


def _link(root: Path, name: str) -> str:
    path = _file(root, name)
    target = path.parent if path.name == "__init__.py" else path
    return f"[`{name}`](../{target.relative_to(root).as_posix()})"


def _purpose(root: Path, name: str) -> str:
    docstring = ast.get_docstring(ast.parse(_file(root, name).read_text("utf-8"))) or ""
    return docstring.splitlines()[0].rstrip(".") if docstring else ""


if __name__ == "__main__":
    checkout = Path(__file__).parents[2]
    document = checkout / "docs" / "architecture.md"
    document.write_text(update_document(checkout, document.read_text("utf-8")), "utf-8")
