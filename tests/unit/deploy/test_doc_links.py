"""The documents of the Debian package: every link leads somewhere."""

import re
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[3]
URL = "https://forge.example/edged/blob/main"


def test_every_link_of_the_packaged_documents_leads_to_a_packaged_file_or_the_repository(
    tmp_path: Path,
) -> None:
    shutil.copy(ROOT / "README.md", tmp_path)
    shutil.copytree(ROOT / "docs", tmp_path / "docs")
    script = ROOT / "deploy/debian/doc_links.py"
    subprocess.run([sys.executable, str(script), str(tmp_path), URL], check=True)

    broken = []
    rewritten = 0
    for document in tmp_path.rglob("*.md"):
        for target in re.findall(r"\]\(([^)#\s]+)", document.read_text()):
            if target.startswith(URL):
                rewritten += 1
                assert (ROOT / target.removeprefix(f"{URL}/")).exists(), target
            elif "://" not in target and not (document.parent / target).exists():
                broken.append(f"{document.name}: {target}")
    assert broken == []
    assert rewritten > 0
