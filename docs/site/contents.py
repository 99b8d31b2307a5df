"""Sphinx extension: the site's table of contents is the list of links in docs/index.md.

Each section of that page becomes a part of the navigation, with the pages that the section links to, in their order. A link to a folder stands for
all its pages. So the page needs no directives, and reads everywhere.
"""

import re
from collections.abc import Iterator
from pathlib import PurePosixPath
from posixpath import normpath

from sphinx.application import Sphinx

_SECTION = re.compile(r"^## (?P<caption>.+)$", re.MULTILINE)
_TARGET = re.compile(r"\]\((?P<target>[^)#:\s]+)\)")


def setup(app: Sphinx) -> dict[str, bool]:
    """Register the extension."""
    app.connect("source-read", _add_contents, priority=400)  # before repository_links
    return {"parallel_read_safe": True}


def _add_contents(app: Sphinx, page: str, source: list[str]) -> None:
    """Add a hidden table of contents for each section of the root page."""
    if page == app.config.root_doc:
        folder = PurePosixPath(page).parent
        source[0] += "".join(_format_sections(source[0], folder, app.env.found_docs))


def _format_sections(text: str, folder: PurePosixPath, pages: set[str]) -> Iterator[str]:
    _, *parts = _SECTION.split(text)
    for caption, body in zip(parts[::2], parts[1::2], strict=True):
        entries = [
            entry
            for target in _TARGET.findall(body)
            for entry in _find_pages(normpath(folder / target), pages)
        ]
        yield "\n```{toctree}\n:hidden:\n:caption: " + caption + "\n\n"
        yield "".join(f"/{entry}\n" for entry in entries) + "```\n"


def _find_pages(target: str, pages: set[str]) -> list[str]:
    """Return the page that a link leads to, or all pages in a folder."""
    page = target.removesuffix(".md")
    if page in pages:
        return [page]
    return sorted(other for other in pages if PurePosixPath(other).parent == PurePosixPath(target))
