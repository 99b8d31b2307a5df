"""Sphinx extension: links from pages to files of the repository that are no pages lead to its host.

A link whose target does not exist is a warning. Sphinx itself checks the links between pages, and their anchors.
"""

import re
from pathlib import Path

from sphinx.application import Sphinx
from sphinx.util import logging

_log = logging.getLogger(__name__)
_LINK = re.compile(
    r"(?<!!)(?P<text>\[(?:[^\[\]]|\[[^\]]*\])*\]\()(?P<target>[^)#:\s]+)(?P<anchor>#[^)\s]*)?\)"
)
_CODE_BLOCK = re.compile(r"(^ *```.*?^ *```$)", re.MULTILINE | re.DOTALL)


def setup(app: Sphinx) -> dict[str, bool]:
    """Register the extension."""
    app.add_config_value("repository_url", "", "env")
    app.add_config_value("repository_branch", "main", "env")
    app.connect("source-read", _link_to_repository)
    return {"parallel_read_safe": True}


def _link_to_repository(app: Sphinx, page: str, source: list[str]) -> None:
    """Replace the links of a page to files that are no pages."""
    root = Path(app.srcdir)
    folder = (root / page).parent
    address = f"{app.config.repository_url}/{{kind}}/{app.config.repository_branch}/{{path}}"

    def replace(link: re.Match[str]) -> str:
        target = (folder / link["target"]).resolve()
        path = target.relative_to(root).as_posix() if target.is_relative_to(root) else None
        if path is None or not target.exists():
            _log.warning("%s does not exist", link["target"], location=page, type="repository_link")
            return link[0]
        if path.removesuffix(".md") in app.env.found_docs:
            return link[0]
        kind = "tree" if target.is_dir() else "blob"
        return f"{link['text']}{address.format(kind=kind, path=path)}{link['anchor'] or ''})"

    parts = _CODE_BLOCK.split(source[0])
    source[0] = "".join(
        part if part.lstrip(" ").startswith("```") else _LINK.sub(replace, part) for part in parts
    )
