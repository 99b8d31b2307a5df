"""The documentation's site: it builds, loads nothing from elsewhere, and `make check` finds what leads nowhere."""

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
HOST = "https://github.com/edged/edged"
INDEX = "# Index\n\n## Part\n\n- [Page](page.md)\n"
LOADED = re.compile(
    r'<(?:script|img|iframe|source)\b[^>]*\bsrc="([^"]+)"|<link\b[^>]*\bhref="([^"]+)"'
)


def sphinx(sources: Path, out: Path, builder: str = "dummy") -> subprocess.CompletedProcess[str]:
    site = sources / "docs" / "site"
    options = ("-q", "-E", "-W", "--keep-going", "-b", builder, "-c", str(site))
    command = [sys.executable, "-m", "sphinx", *options, "-d", str(out / "pages"), str(sources)]
    return subprocess.run(
        [*command, str(out / builder)], capture_output=True, text=True, check=False
    )


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """Return a checkout with one page."""
    root = tmp_path / "checkout"
    shutil.copytree(ROOT / "docs" / "site", root / "docs" / "site")
    (root / "docs" / "index.md").write_text(INDEX)
    (root / "edged").mkdir()
    (root / "edged" / "clock.py").touch()
    return root


def test_every_page_of_this_checkout_is_shown_and_loads_nothing_from_elsewhere(
    tmp_path: Path,
) -> None:
    done = sphinx(ROOT, tmp_path, "html")
    assert (done.returncode, done.stderr) == (0, "")
    pages = list((tmp_path / "html").rglob("*.html"))
    assert {"README.html", "architecture.html", "index.html"} <= {page.name for page in pages}
    for page in pages:
        loaded = [one or other for one, other in LOADED.findall(page.read_text("utf-8"))]
        assert [url for url in loaded if "://" in url or url.startswith("//")] == [], page


def test_sound_pages_are_accepted(checkout: Path, tmp_path: Path) -> None:
    text = "# Page\n\n[top](index.md#part) [self](#page) [file](../edged/clock.py) [web](https://a.example/)\n"
    (checkout / "docs" / "page.md").write_text(text)
    done = sphinx(checkout, tmp_path, "html")
    assert (done.returncode, done.stderr) == (0, "")
    shown = (tmp_path / "html" / "docs" / "page.html").read_text()
    assert f'href="{HOST}/blob/main/edged/clock.py"' in shown


@pytest.mark.parametrize(
    ("link", "words"),
    [
        ("[gone](gone.md)", "gone.md does not exist"),
        ("[gone](../edged/gone.py)", "../edged/gone.py does not exist"),
        ("[outside](../../elsewhere.md)", "../../elsewhere.md does not exist"),
        ("[`code`](../edged/gone.py)", "../edged/gone.py does not exist"),
        ("[no such part](index.md#gone)", "'gone'"),
        ("[no such part](#gone)", "'gone'"),
    ],
)
def test_what_leads_nowhere_is_found(checkout: Path, tmp_path: Path, link: str, words: str) -> None:
    (checkout / "docs" / "page.md").write_text(f"# Page\n\n{link}\n")
    done = sphinx(checkout, tmp_path)
    assert done.returncode != 0
    assert words in done.stderr


def test_a_page_that_the_contents_do_not_list_is_found(checkout: Path, tmp_path: Path) -> None:
    (checkout / "docs" / "page.md").write_text("# Page\n")
    (checkout / "docs" / "other.md").write_text("# Other\n")
    done = sphinx(checkout, tmp_path)
    assert done.returncode != 0
    assert "other.md: WARNING: document isn't included in any toctree" in done.stderr


def test_links_in_code_are_no_links(checkout: Path, tmp_path: Path) -> None:
    (checkout / "docs" / "page.md").write_text("# Page\n\n```sh\nls [a](b.md)\n```\n")
    assert sphinx(checkout, tmp_path).returncode == 0


def test_a_diagram_is_shown_as_its_picture_only_if_that_is_of_its_text(
    checkout: Path, tmp_path: Path
) -> None:
    shutil.copytree(ROOT / "docs" / "diagrams", checkout / "docs" / "diagrams")
    text = (ROOT / "docs" / "architecture.md").read_text("utf-8")
    block = re.search(r"^```mermaid\n.*?^```$", text, re.MULTILINE | re.DOTALL)
    assert block
    # The name of the picture contains the page's, too.
    (checkout / "docs" / "architecture.md").write_text(f"# Page\n\n{block[0]}\n")
    (checkout / "docs" / "page.md").write_text(f"# Page\n\n{block[0].replace('worker', 'w')}\n")
    (checkout / "docs" / "index.md").write_text(f"{INDEX}- [A](architecture.md)\n")
    done = sphinx(checkout, tmp_path, "html")
    assert (done.returncode, done.stderr) == (0, "")
    assert ".svg" in (tmp_path / "html" / "docs" / "architecture.html").read_text()
    assert "flowchart LR" in (tmp_path / "html" / "docs" / "page.html").read_text()
