"""Write the table of error rates into docs/updates.md: ``PYTHONPATH=tests python -m probation_table``, about ten minutes.

``--print`` prints it only. ``python -m probation_table.measure tests/probation_table/measured.json`` measures anew what it draws from.
"""

import argparse
from pathlib import Path

from probation_table.table import BEGIN, END, make_table

_PAGE = Path(__file__).parents[2] / "docs" / "updates.md"
_SEED = "edged"


def main() -> None:
    """Make the table."""
    parser = argparse.ArgumentParser(prog="probation_table", description=__doc__.splitlines()[0])
    parser.add_argument("--identical", type=int, default=3000, help="trials of an identical model")
    parser.add_argument("--trials", type=int, default=400, help="trials of each other model")
    parser.add_argument("--print", action="store_true", help="print the table only")
    options = parser.parse_args()
    table = make_table(options.identical, options.trials, _SEED)
    if options.print:
        print(table)
        return
    before, rest = _PAGE.read_text().split(BEGIN)
    _PAGE.write_text(f"{before}{BEGIN}\n{table}\n{END}{rest.split(END)[1]}")


if __name__ == "__main__":
    main()
