"""``edged-models card``: what a model is and how good it is, as Markdown."""

import argparse
import time
from functools import partial
from pathlib import Path
from typing import Any

import msgspec
from msgspec import Struct

from edged.cli.numbers import integer_in_range, number_in_range
from edged_models import console

_MAX_PICTURES = 10_000_000


class CardResult(Struct, frozen=True, kw_only=True):
    """What the command answers.

    Attributes:
        out: the card.
        figures: the same facts as JSON, beside it.
        evaluations: on how many sets of pictures the model was judged.
        bytes: the card's size.
        seconds: how long it took.
    """

    out: Path
    figures: Path
    evaluations: int
    bytes: int
    seconds: float


def add_parser(subparsers: Any) -> None:
    """Add this command to the command line."""
    parser = subparsers.add_parser(
        "card",
        help="write a model card: what the file says, how good it is, where it comes from",
        description="Writes what the model file says of itself, how good the model is on each set of pictures, and its provenance, "
        "as Markdown, and the same as JSON beside it.",
    )
    parser.add_argument("model", type=Path, metavar="MODEL", help="a .tflite file")
    parser.add_argument(
        "--pictures",
        action="append",
        default=[],
        metavar="PICTURES",
        help="judge it on these, as evaluate does; may be given several times",
    )
    parser.add_argument(
        "--provenance",
        type=Path,
        metavar="FILE",
        help="a JSON object that names the model's SHA-256, as provenance.json of release",
    )
    parser.add_argument(
        "--about",
        type=Path,
        metavar="FILE",
        help="Markdown for the card: what it is for, its limits",
    )
    parser.add_argument(
        "--out", type=Path, metavar="FILE", help="the card (MODEL.md beside the model)"
    )
    parser.add_argument("--runtime", choices=["auto", "litert", "tflite"], default="auto")
    parser.add_argument(
        "--min-score", type=number_in_range(min_value=0, max_value=1), default=0.5, metavar="S"
    )
    parser.add_argument("--labels", type=Path, metavar="FILE", help="the model's, one a line")
    parser.add_argument(
        "--limit",
        type=integer_in_range(min_value=1, max_value=_MAX_PICTURES),
        metavar="N",
        help="at most so many pictures of each set, evenly spread",
    )
    console.add_json_option(parser)
    parser.set_defaults(func=run, usage=parser.error)


def run(args: argparse.Namespace) -> int:
    """Gather, judge, write.

    Raises:
        EdgedError: the model, the pictures or the provenance cannot be used, or the card cannot be written.
    """
    from edged_models.card.facts import gather_facts, read_provenance, read_text
    from edged_models.card.markdown import render_page
    from edged_models.evaluation.evaluate import evaluate
    from edged_models.files import write_bytes, write_text
    from edged_models.pictures.open_pictures import open_pictures
    from edged_models.pictures.subset import take_evenly

    out = args.out or args.model.with_suffix(".md")
    figures = out.with_suffix(".json")
    if figures == out:
        args.usage("--out is the Markdown; the JSON is written beside it")
    began_s = time.perf_counter()
    about = read_text(args.about) if args.about else ""
    provenance = read_provenance(args.provenance, args.model) if args.provenance else ()
    sets = [take_evenly(open_pictures(spec), args.limit) for spec in args.pictures]
    evaluations = tuple(
        evaluate(
            args.model,
            pictures,
            runtime=args.runtime,
            min_score=args.min_score,
            labels_file=args.labels,
            track=partial(console.track_progress, description=pictures.name, total=len(pictures)),
        )
        for pictures in sets
    )
    facts = gather_facts(
        args.model,
        runtime=args.runtime,
        labels_file=args.labels,
        evaluations=evaluations,
        about=about,
        provenance=provenance,
    )
    text = render_page(facts, figures_file=figures.name)
    write_bytes(figures, msgspec.json.format(msgspec.json.encode(facts), indent=1) + b"\n")
    write_text(out, text)
    result = CardResult(
        out=out,
        figures=figures,
        evaluations=len(evaluations),
        bytes=len(text.encode()),
        seconds=time.perf_counter() - began_s,
    )
    judged = f"{len(evaluations)} sets of pictures" if evaluations else "nothing: see --pictures"
    lines = [
        ("card", f"{out}, {result.bytes} bytes"),
        ("figures", str(figures)),
        ("judged on", judged),
        ("took", f"{result.seconds:.1f} s"),
    ]
    console.print_result(args, result, console.format_table(lines))
    return 0
