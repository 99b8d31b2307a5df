"""licences.py FOLDER INSTALLED: print Debian's copyright paragraphs for the Python packages in FOLDER, which the package installs to INSTALLED."""

import re
import sys
from importlib.metadata import Distribution, distributions

_PARAGRAPH = """
Files: {installed}/{folder}/*
Copyright: {holder}
License: {name}
 Licence of {name} {version}, by its metadata: {licence}.
{texts}"""


def format_paragraph(package: Distribution, installed: str) -> str:
    """Return the paragraph of a package: its authors, its licence by its own metadata, and the paths of the licence texts."""
    metadata = package.metadata
    name = re.sub(r"[-_.]+", "-", metadata["Name"]).lower()
    classifiers = metadata.get_all("Classifier", [])
    licence = (
        metadata["License-Expression"]
        or metadata["License"]
        or ", ".join(line.rsplit(" :: ")[-1] for line in classifiers if line.startswith("License"))
    )
    holder = metadata["Author"] or re.sub(
        r" <[^>]*>", "", metadata["Author-email"] or "its authors"
    )
    files = package.files or ()
    texts = [file for file in files if re.search("LICEN[CS]E|COPYING|NOTICE", str(file))]
    return _PARAGRAPH.format(
        installed=installed.lstrip("/"),
        folder=next(file.parts[0] for file in files if file.parts[0].endswith("-info")),
        holder=holder,
        name=name,
        version=package.version,
        licence=licence.strip().splitlines()[0].rstrip("."),
        texts=_format_texts(installed, sorted(map(str, texts))),
    )


def _format_texts(installed: str, paths: list[str]) -> str:
    if not paths:
        return " The package contains no licence text."
    return " Licence texts of the package and of the libraries that it contains:\n" + "\n".join(
        f" {installed}/{path}" for path in paths
    )


if __name__ == "__main__":
    packages = [one for one in distributions(path=[sys.argv[1]]) if one.name != "edged"]
    for package in sorted(packages, key=lambda package: package.name.lower()):
        print(format_paragraph(package, sys.argv[2]))
