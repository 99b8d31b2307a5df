"""licences.py FOLDER SHOWN: Debian's paragraphs on copyright for the Python packages in FOLDER, which will be at SHOWN."""

import re
import sys
from importlib.metadata import Distribution, distributions

_PARAGRAPH = """
Files: {shown}/{folder}/*
Copyright: {who}
License: {name}
 {name} {version} says of its licence: {licence}.
{where}"""


def paragraph(package: Distribution, shown: str) -> str:
    """Who wrote it, what it says of its licence, and where the whole of that stands."""
    told = package.metadata
    name = re.sub(r"[-_.]+", "-", told["Name"]).lower()
    classifiers = told.get_all("Classifier", [])
    licence = (
        told["License-Expression"]
        or told["License"]
        or ", ".join(line.rsplit(" :: ")[-1] for line in classifiers if line.startswith("License"))
    )
    who = told["Author"] or re.sub(r" <[^>]*>", "", told["Author-email"] or "its authors")
    texts = [
        file for file in package.files or () if re.search("LICEN[CS]E|COPYING|NOTICE", str(file))
    ]
    info = next(file.parts[0] for file in package.files or () if file.parts[0].endswith("-info"))
    return _PARAGRAPH.format(
        shown=shown.lstrip("/"),
        folder=info,
        who=who,
        name=name,
        version=package.version,
        licence=licence.strip().splitlines()[0].rstrip("."),
        where=(
            " The text, and what holds for the libraries that it carries, is in\n"
            + "\n".join(f" {shown}/{file}" for file in sorted(map(str, texts)))
            if texts
            else " It carries no text of it."
        ),
    )


if __name__ == "__main__":
    packages = [found for found in distributions(path=[sys.argv[1]]) if found.name != "edged"]
    for package in sorted(packages, key=lambda package: package.name.lower()):
        print(paragraph(package, sys.argv[2]))
