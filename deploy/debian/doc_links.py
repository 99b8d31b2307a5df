"""``doc_links.py FOLDER URL``: lets the links of the packaged documents lead to the repository where their target is not packaged."""

import re
import sys
from pathlib import Path

_LINK = re.compile(r"(\]\()([^)#:\s]+)((?:#[^)]*)?\))")


def main(folder: Path, url: str) -> None:
    """Rewrite the links of every Markdown file below `folder`, which has the repository's README and its docs."""
    for document in sorted(folder.rglob("*.md")):
        text = document.read_text(encoding="utf-8")
        document.write_text(_rewrite(text, document.parent, folder, url), encoding="utf-8")


def _rewrite(text: str, base: Path, folder: Path, url: str) -> str:
    """Return a document's text with its links from `base` rewritten."""

    def rewrite(link: re.Match[str]) -> str:
        target = (base / link[2]).resolve()
        if target.exists():
            return link[0]
        return f"{link[1]}{url}/{target.relative_to(folder.resolve())}{link[3]}"

    return _LINK.sub(rewrite, text)


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2])
