"""``edged-models inspect``: list the contents of a .tflite without running it, or run it on a picture."""

import argparse
from pathlib import Path
from typing import TYPE_CHECKING, Any

from msgspec import Struct

from edged.terminal.numbers import integer_in_range
from edged_models import console
from edged_models.cli.options import (
    add_labels_option,
    add_min_score_option,
    add_model_argument,
)
from edged_models.conversion.conversion_report import unquantized_rows
from edged_models.conversion.model_contents import ModelContents, OpCount, inspect_model
from edged_models.conversion.tflite_model import parse_model, read_model_bytes

if TYPE_CHECKING:
    from edged_models.evaluation.image_run import ImageRun

_MAX_TOP = 100
_MILLION = 1e6
_KIB = 1024
_MAX_LABELS = 8


class InspectedImage(Struct, frozen=True, kw_only=True):
    """Result of the command with a picture.

    Attributes:
        contents: contents of the model file.
        image: the picture.
        runs: the model's answers on each runtime.
        out: the copy with the answers drawn into it; None for none.
    """

    contents: ModelContents
    image: Path
    runs: "tuple[ImageRun, ...]"
    out: Path | None


def add_parser(subparsers: Any) -> None:
    """Add this command to the command line."""
    parser = subparsers.add_parser(
        "inspect",
        help="list the contents of a .tflite: ops, types, weights, metadata, cost",
        description="Reads a .tflite without running it, and lists its metadata, its ops with their versions, its weights by type, "
        "its float parts, and the cost of one picture. With --image, tests the model in a sandboxed process and runs it on a picture, "
        "through the daemon's own encoding and decoding.",
    )
    add_model_argument(parser)
    parser.add_argument(
        "--image",
        type=Path,
        metavar="FILE",
        help="run the model on this picture; print its classes or boxes",
    )
    parser.add_argument(
        "--out", type=Path, metavar="PICTURE", help="draw them into a copy of the picture"
    )
    parser.add_argument(
        "--runtime",
        choices=["both", "litert", "tflite"],
        default="both",
        help="runtime for the picture (%(default)s)",
    )
    parser.add_argument(
        "--top",
        type=integer_in_range(min_value=1, max_value=_MAX_TOP),
        default=5,
        metavar="N",
        help="so many of a classifier's best classes (%(default)s)",
    )
    add_min_score_option(parser, text="lowest score of a detector's boxes")
    add_labels_option(parser)
    console.add_json_option(parser)
    parser.set_defaults(func=run, usage=parser.error)


def run(args: argparse.Namespace) -> int:
    """Read the file and print its contents, and run it on a picture if there is one.

    Raises:
        SourceError: the file cannot be read, is not a .tflite, or is damaged.
        EdgedError: no runtime can run the model, or a picture cannot be read or written.
    """
    if args.out and not args.image:
        args.usage("--out needs --image")
    content = read_model_bytes(args.model)
    model = parse_model(content, str(args.model))
    contents = inspect_model(content, model, args.model.name)
    if not args.image:
        console.print_result(args, contents, format_lines(contents))
        return 0
    inspected = _run_on_image(args, contents)
    lines = [*format_lines(contents), *_format_runs(inspected)]
    console.print_result(args, inspected, lines)
    return 0


def _run_on_image(args: argparse.Namespace, contents: ModelContents) -> InspectedImage:
    from edged.cli.annotate import check_output_path
    from edged_models.evaluation.image_run import RUNTIMES, run_on_image

    if args.out:
        check_output_path(args.out)
    runs = run_on_image(
        args.model,
        args.image,
        runtimes=RUNTIMES if args.runtime == "both" else (args.runtime,),
        min_score=args.min_score,
        top=args.top,
        labels_file=args.labels,
    )
    if args.out:
        _draw(next(one for one in runs if one.error is None), args.image, args.out)
    return InspectedImage(contents=contents, image=args.image, runs=runs, out=args.out)


def _draw(run: "ImageRun", image: Path, out: Path) -> None:
    from edged.cli.annotate import draw_detections
    from edged.selftest.messages import ReportedDetection
    from edged_models.files import atomic_replacement

    # Of a classifier only the best class: all have the whole picture as their box.
    drawn = run.answers[:1] if run.is_classifier else run.answers
    boxes = tuple(
        ReportedDetection(label=one.label, class_id=one.class_id, score=one.score, box=one.box)
        for one in drawn
    )
    with atomic_replacement(out) as partial:
        draw_detections(boxes, image, partial)


def _format_runs(inspected: InspectedImage) -> list[str]:
    lines = []
    for one in inspected.runs:
        if one.error is not None:
            lines += ["", f"{one.runtime} cannot run it: {one.error}"]
            continue
        kind = "best classes" if one.is_classifier else f"{len(one.answers)} detections"
        lines += ["", f"{inspected.image}, {one.runtime}: {kind}"]
        width = max((len(answer.label) for answer in one.answers), default=0)
        for answer in one.answers:
            box = "" if one.is_classifier else f"  at {[round(side, 3) for side in answer.box]}"
            lines.append(f"  {answer.label:{width}}  {answer.score:.3f}{box}")
    return [*lines, *(["", f"wrote {inspected.out}"] if inspected.out else [])]


def format_lines(contents: ModelContents) -> list[str]:
    """Format the contents as a table."""
    kib, deflated_kib = contents.bytes / _KIB, contents.deflated_bytes / _KIB
    macs = sum(op.macs for op in contents.ops) / _MILLION
    subgraphs = [("subgraphs", contents.subgraph_count)] if contents.subgraph_count > 1 else []
    return console.format_table(
        [
            ("model", contents.name),
            *_metadata_rows(contents),
            ("size", f"{kib:.0f} KiB, {deflated_kib:.0f} compressed"),
            ("input", contents.input),
            *(("output", output) for output in contents.outputs),
            ("labels", _describe_labels(contents.labels)),
            *(("op", _describe_op(op)) for op in contents.ops),
            *(
                (one.dtype, f"{one.tensors} tensors, {one.weights_bytes / _KIB:.1f} KiB of weights")
                for one in contents.tensors
            ),
            *unquantized_rows(contents.unquantized),
            ("cost", f"{macs:.1f} million multiply-accumulate operations a picture"),
            ("activations", f"{contents.peak_activations_bytes / _KIB:.0f} KiB at the peak"),
            *subgraphs,
        ]
    )


def _metadata_rows(contents: ModelContents) -> list[tuple[str, str]]:
    mean, std = list(contents.mean), list(contents.std)
    rows = {
        "title": contents.title,
        "description": contents.description,
        "licence": contents.licence,
        "pixels": f"(pixel - {mean}) / {std}" if mean else None,
    }
    return [(name, value) for name, value in rows.items() if value]


def _describe_labels(labels: tuple[str, ...]) -> str:
    return f"{len(labels)}: {'; '.join(labels[:_MAX_LABELS])}" if labels else "none"


def _describe_op(op: OpCount) -> str:
    cost = f", {op.macs / _MILLION:.1f} M" if op.macs else ""
    return f"{op.count} {op.op} version {op.version}{cost}"
