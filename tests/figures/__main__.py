"""Print the figures of this checkout; exit 1 if one is beyond its limit.

python -m figures [--verbose] [--json]
"""

import argparse
import json
import sys
from pathlib import Path

from figures.figure import Figure
from figures.report import measure

ROOT = Path(__file__).parents[2]


def main() -> int:
    """Print one line a figure; with --verbose, the places too."""
    parser = argparse.ArgumentParser(prog="figures", description=__doc__.splitlines()[0])
    parser.add_argument("--verbose", action="store_true", help="list the places behind each figure")
    parser.add_argument("--json", action="store_true", help="print JSON")
    options = parser.parse_args()
    figures = measure(ROOT)
    if options.json:
        print(json.dumps([figure.as_json() for figure in figures], indent=2))
    else:
        _print(figures, verbose=options.verbose)
    return 0 if all(figure.holds for figure in figures) else 1


def _print(figures: tuple[Figure, ...], *, verbose: bool) -> None:
    for figure in figures:
        print(figure.line())
        for place in figure.places if verbose else ():
            print(f"    {place}")


sys.exit(main())
