"""Sphinx's configuration of the documentation's site; `make docs` builds it.

The sources are the Markdown files where they lie, so that they read the same on the repository's host, in the Debian package and on the site.
"""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

project = "edged"
author = "The edged authors"
project_copyright = author

extensions = ["myst_parser", "contents", "diagrams", "repository_links"]
root_doc = "docs/index"
include_patterns = [
    "*.md",
    "docs/**.md",
    "findings/README.md",
    "deploy/README.md",
    "models/**README.md",
    "models/bundled/CARD.md",
    "ansible/README.md",
    "ansible/roles/*/README.md",
]
# Folders that begin with a dot are environments and caches. Those below have no pages, and need not be searched.
exclude_patterns = ["**/.*", ".*", "build", "dist", "edged", "tests", "models/build"]

repository_url = "https://github.com/edged/edged"
repository_branch = "main"

myst_heading_anchors = 4
myst_enable_extensions: list[str] = []
suppress_warnings = ["myst.header"]  # some pages skip a level of headings

html_theme = "furo"
html_title = "edged"
html_copy_source = False
html_show_sphinx = False
html_permalinks_icon = "#"
templates_path = ["templates"]
html_additional_pages = {"index": "start.html"}
html_theme_options = {
    "source_repository": repository_url,
    "source_branch": repository_branch,
    "source_directory": "",
}
