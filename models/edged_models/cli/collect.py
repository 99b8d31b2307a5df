"""``edged-models collect``: fetch the hard examples that devices keep."""

import argparse
import sys
import time
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Any

from msgspec import Struct

from edged.pictures.ring import parse_name
from edged.terminal.escape import one_line
from edged_models.console import add_json_option, format_table, print_result, track_progress
from edged_models.errors import ToolError

if TYPE_CHECKING:
    from edged_models.collection.example_set import ExampleSet
    from edged_models.collection.example_source import ExampleSource

_FOLDER = "/var/lib/edged/examples"


class CollectedPlace(Struct, frozen=True, kw_only=True):
    """What was fetched from one place.

    Attributes:
        place: the host or folder, as it was given.
        new: hard examples that were fetched.
        known: those that the set had already.
        reasons: the fetched ones by reason.
        refused: files that are no hard examples, each with the reason.
        error: why not all were fetched; None if they were.
    """

    place: str
    new: int = 0
    known: int = 0
    reasons: dict[str, int] = {}
    refused: tuple[str, ...] = ()
    error: str | None = None


class CollectReport(Struct, frozen=True, kw_only=True):
    """Result of the command.

    Attributes:
        places: what was fetched from each host and folder, in the order of the command line.
        out: the folder of the set.
        pictures: pictures in the set.
        seconds: duration of the command.
    """

    places: tuple[CollectedPlace, ...]
    out: Path
    pictures: int
    seconds: float


def add_parser(subparsers: Any) -> None:
    """Add this command to the command line."""
    parser = subparsers.add_parser(
        "collect",
        help="fetch the hard examples that devices keep",
        description="Fetches the pictures that devices keep by [collect], and makes a COCO set of them. Its labels are what the devices' "
        "models found: unchecked, and marked so. A second run fetches only what is new, and changes nothing that the set holds. "
        "Devices are reached by ssh, which must not ask for a password.",
    )
    parser.add_argument(
        "places",
        nargs="+",
        metavar="HOST",
        help="a device, as ssh takes it ([USER@]HOST), or a folder of this machine with hard examples",
    )
    parser.add_argument(
        "--out", type=Path, required=True, metavar="FOLDER", help="the set, new or to be extended"
    )
    parser.add_argument(
        "--folder",
        default=_FOLDER,
        metavar="PATH",
        help="the folder on the devices (default: %(default)s)",
    )
    parser.add_argument(
        "--sudo",
        action="store_true",
        help="read it as root, by sudo without a password (default: as the user who logs in)",
    )
    add_json_option(parser)
    parser.set_defaults(func=run, usage=parser.error)


def run(args: argparse.Namespace) -> int:
    """Fetch from each place, and print what came; a place that fails does not keep the others back.

    Returns:
        1 if a place failed; else 0.

    Raises:
        ToolError: an argument is neither a folder nor a host, or the set cannot be read or written.
    """
    from edged_models.collection.example_set import ExampleSet
    from edged_models.collection.example_source import open_source

    began_s = time.perf_counter()
    sources = [open_source(place, folder=args.folder, uses_sudo=args.sudo) for place in args.places]
    kept = ExampleSet(args.out)
    kept.load()
    places = tuple(
        _collect(place, source, kept) for place, source in zip(args.places, sources, strict=True)
    )
    report = CollectReport(
        places=places,
        out=args.out,
        pictures=len(kept),
        seconds=round(time.perf_counter() - began_s, 1),
    )
    print_result(args, report, _format_lines(report))
    for one in places:
        if one.error:
            print(f"edged-models: {one_line(one.error)}", file=sys.stderr)
    return int(any(one.error for one in places))


def _collect(place: str, source: "ExampleSource", kept: "ExampleSet") -> CollectedPlace:
    """Fetch what is new in one place; what has come before an interruption is listed, too."""
    reasons: Counter[str] = Counter()
    refused: list[str] = []
    known, error = 0, None
    try:
        names = [name for name in source.list_names() if parse_name(name, 1) is not None]
        new = kept.select_new(names)
        known = len(names) - len(new)
        fetched = source.read(new) if new else ()
        for name, jpeg in track_progress(fetched, f"fetching from {one_line(place)}", len(new)):
            try:
                reasons[kept.add(name, jpeg).reason] += 1
            except ToolError as problem:
                refused.append(f"{one_line(name)}: {problem}")
    except ToolError as problem:
        error = str(problem)
    finally:
        kept.save()
    return CollectedPlace(
        place=place,
        new=reasons.total(),
        known=known,
        reasons=dict(reasons),
        refused=tuple(refused),
        error=error,
    )


def _format_lines(report: CollectReport) -> list[str]:
    rows = [(one.place, _describe(one)) for one in report.places]
    rows.append(("set", f"{report.out}, {report.pictures} pictures with unchecked labels"))
    rows.append(("took", f"{report.seconds:.1f} s"))
    refused = [f"{one.place}: {line}" for one in report.places for line in one.refused]
    return [*format_table(rows), *(f"  left out: {line}" for line in refused)]


def _describe(one: CollectedPlace) -> str:
    parts = ", ".join(f"{count} {reason}" for reason, count in sorted(one.reasons.items()))
    new = f"{one.new} new ({parts})" if parts else f"{one.new} new"
    return f"{new}, {one.known} known" + (", incomplete" if one.error else "")
