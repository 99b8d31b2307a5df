"""draw.py MERMAID: draw the diagrams of all pages, and remove the pictures of older ones. MERMAID is the library's file mermaid.min.js.

It runs in headless Chromium, from the Debian package. `make docs-pictures` gets both.
"""

import shutil
import sys
from pathlib import Path

from diagrams import FOLDER, find_diagrams
from playwright.sync_api import sync_playwright

ROOT = Path(__file__).parents[2]
_DRAW = """async ([id, text]) => {
    mermaid.initialize({startOnLoad: false, theme: 'neutral', htmlLabels: false, flowchart: {htmlLabels: false}, fontFamily: 'sans-serif'});
    return (await mermaid.render(id, text)).svg;
}"""


def main(library: Path) -> None:
    """Draw every diagram that has no picture yet."""
    wanted = {
        name: text
        for page in sorted((ROOT / "docs").rglob("*.md"))
        for name, text in find_diagrams(
            page.with_suffix("").relative_to(ROOT).as_posix(), page.read_text(encoding="utf-8")
        ).items()
    }
    folder = ROOT / FOLDER
    folder.mkdir(exist_ok=True)
    for picture in folder.glob("*.svg"):
        if picture.name not in wanted:
            picture.unlink()
    missing = {name: text for name, text in wanted.items() if not (folder / name).exists()}
    if missing:
        _draw(missing, folder, library)


def _draw(diagrams: dict[str, str], folder: Path, library: Path) -> None:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=shutil.which("chromium"), args=["--no-sandbox"]
        )
        page = browser.new_page()
        page.add_script_tag(path=library)
        for name, text in diagrams.items():
            drawn = page.evaluate(_DRAW, [f"d-{Path(name).stem}", text])
            (folder / name).write_text(drawn + "\n", encoding="utf-8")
        browser.close()


if __name__ == "__main__":
    main(Path(sys.argv[1]))
