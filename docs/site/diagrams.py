"""Sphinx extension: diagrams in Mermaid's language are shown as pictures, which docs/site/draw.py has drawn before.

The name of a picture contains the digest of the diagram's text, so that a picture of an older text is never shown: the text is, until it is drawn.
Nothing is loaded from elsewhere, neither while the site is built nor while it is read.
"""

import hashlib
import re
from pathlib import Path

from pygments.lexers.special import TextLexer
from sphinx.application import Sphinx
from sphinx.util import logging

_log = logging.getLogger(__name__)
_DIAGRAM = re.compile(r"^```mermaid\n(?P<text>.*?)^```$", re.MULTILINE | re.DOTALL)
FOLDER = Path("docs", "diagrams")
"""Where the pictures are, from the root of the repository."""


def setup(app: Sphinx) -> dict[str, bool]:
    """Register the extension."""
    app.connect("source-read", _show_pictures)
    app.add_lexer("mermaid", TextLexer)
    return {"parallel_read_safe": True}


def find_diagrams(page: str, markdown: str) -> dict[str, str]:
    """Return the texts of a page's diagrams, by the file name of the picture.

    Args:
        page: the page, as ``docs/architecture``.
        markdown: its text.
    """
    return {
        _picture_name(page, diagram["text"]): diagram["text"]
        for diagram in _DIAGRAM.finditer(markdown)
    }


def _picture_name(page: str, text: str) -> str:
    digest = hashlib.sha256(text.encode()).hexdigest()[:12]
    return f"{page.rpartition('/')[2]}-{digest}.svg"


def _show_pictures(app: Sphinx, page: str, source: list[str]) -> None:
    """Replace the diagrams of a page by their pictures."""

    def replace(diagram: re.Match[str]) -> str:
        name = _picture_name(page, diagram["text"])
        if not (Path(app.srcdir) / FOLDER / name).exists():
            _log.info("%s: a diagram is shown as its text, until make docs-pictures draws it", page)
            return diagram[0]
        return f"![Diagram](/{FOLDER}/{name})"

    source[0] = _DIAGRAM.sub(replace, source[0])
