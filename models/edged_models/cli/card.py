"""``edged-models card``: write a model card with contents, accuracy and provenance of a model as Markdown."""

import argparse
import time
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec
from msgspec import Struct

from edged_models import console
from edged_models.cli.options import (
    add_labels_option,
    add_limit_option,
    add_min_score_option,
    add_model_argument,
    add_runtime_option,
    add_skip_bad_option,
)

if TYPE_CHECKING:
    from edged_models.card.facts import CardFacts
    from edged_models.evaluation.tables import AnyEvaluation
    from edged_models.pictures.labelled import PictureSet


class CardResult(Struct, frozen=True, kw_only=True):
    """Result of the command.

    Attributes:
        out: path of the card.
        figures: path of the JSON file with the same facts.
        evaluations: number of sets of pictures that the model was evaluated on.
        bytes: size of the card.
        seconds: duration of the command.
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
        help="write a model card: contents of the file, accuracy, provenance",
        description="Writes the metadata of a model file, the model's accuracy on each set of pictures, and its provenance as "
        "Markdown, and the same facts as JSON beside it.",
    )
    add_model_argument(parser)
    parser.add_argument(
        "--pictures",
        action="append",
        default=[],
        metavar="PICTURES",
        help="evaluate the model on these pictures, as the command evaluate does; may be given several times",
    )
    parser.add_argument(
        "--provenance",
        type=Path,
        metavar="FILE",
        help="a JSON object that contains the model's SHA-256, as provenance.json of the command release",
    )
    parser.add_argument(
        "--about",
        type=Path,
        metavar="FILE",
        help="Markdown to include in the card: intended use and limits of the model",
    )
    parser.add_argument(
        "--out", type=Path, metavar="FILE", help="the card (default: MODEL.md beside the model)"
    )
    add_runtime_option(parser)
    add_min_score_option(parser, text="threshold of precision, recall and false alarms")
    add_labels_option(parser)
    add_limit_option(parser, text="at most so many pictures of each set, evenly spread")
    add_skip_bad_option(parser)
    console.add_json_option(parser)
    parser.set_defaults(func=run, usage=parser.error)


def run(args: argparse.Namespace) -> int:
    """Collect the facts, evaluate the model, and write the card.

    Raises:
        EdgedError: the model, the pictures or the provenance cannot be used, or the card cannot be written.
    """
    from edged_models.card.markdown import render_page
    from edged_models.files import write_bytes, write_text

    out = args.out or args.model.with_suffix(".md")
    figures = out.with_suffix(".json")
    if figures == out:
        args.usage("--out names the Markdown file; the JSON file is written beside it")
    began_s = time.perf_counter()
    facts = _gather_facts(args)
    text = render_page(facts, figures_file=figures.name)
    write_bytes(figures, msgspec.json.format(msgspec.json.encode(facts), indent=1) + b"\n")
    write_text(out, text)
    result = CardResult(
        out=out,
        figures=figures,
        evaluations=len(facts.evaluations),
        bytes=len(text.encode()),
        seconds=time.perf_counter() - began_s,
    )
    console.print_result(args, result, _format_lines(result))
    return 0


def _gather_facts(args: argparse.Namespace) -> "CardFacts":
    from edged_models.card.facts import gather_facts, read_provenance, read_text
    from edged_models.cli.opened_pictures import open_for_command
    from edged_models.pictures.subset import take_evenly

    # Small files are read before the long evaluation.
    about = read_text(args.about) if args.about else None
    provenance = read_provenance(args.provenance, args.model) if args.provenance else ()
    sets = [
        take_evenly(open_for_command(spec, skip_bad=args.skip_bad), args.limit)
        for spec in args.pictures
    ]
    return gather_facts(
        args.model,
        runtime=args.runtime,
        labels_file=args.labels,
        evaluations=_evaluate(args, sets),
        about=about,
        provenance=provenance,
    )


def _evaluate(
    args: argparse.Namespace, sets: "Sequence[PictureSet]"
) -> "tuple[AnyEvaluation, ...]":
    from edged_models.evaluation.evaluate_any import evaluate_any
    from edged_models.evaluation.evaluated_model import EvaluatedModel

    evaluations: list[AnyEvaluation] = []
    for pictures in sets:
        track = partial(console.track_progress, description=pictures.name, total=len(pictures))
        # Opened anew for each set, because its times are this set's.
        with EvaluatedModel(args.model, runtime=args.runtime, labels_file=args.labels) as model:
            (result,) = evaluate_any([model], pictures, min_score=args.min_score, track=track)
        evaluations.append(result.evaluation)
    return tuple(evaluations)


def _format_lines(result: CardResult) -> list[str]:
    sets = f"{result.evaluations} sets of pictures"
    return console.format_table(
        [
            ("card", f"{result.out}, {result.bytes} bytes"),
            ("figures", str(result.figures)),
            ("evaluated on", sets if result.evaluations else "nothing: see --pictures"),
            ("took", f"{result.seconds:.1f} s"),
        ]
    )
