"""``edged inspect``: describe a model file, and run it on a picture."""

import argparse
import sys
from pathlib import Path
from typing import Any

import msgspec

from edged.cli.annotate import check_output_path, draw_detections
from edged.config.settings import ModelSettings
from edged.errors import EdgedError, list_notes
from edged.model.labels import explain_missing_labels
from edged.registry import INTERPRETERS
from edged.selftest.messages import ReportedDetection, SelfTestFailure, SelfTestReport
from edged.selftest.process import self_test_model
from edged.terminal.numbers import integer_in_range, number_in_range
from edged.terminal.rows import format_rows
from edged.types import EntryPoint, FileMetadata, TensorInfo

_EDGETPU_OP = "edgetpu-custom-op"
_MAX_LABELS_SHOWN = 8
_MAX_THREADS = 64


def add_parser(subparsers: Any) -> None:
    """Add this command to the command line."""
    parser = subparsers.add_parser(
        "inspect",
        help="run a model file in a sandboxed process and describe it",
        description="Loads a model in a sandboxed process, runs and times it, and describes it. "
        "Exits with 1 if edged cannot run the model.",
    )
    parser.add_argument("model", type=Path, metavar="MODEL", help="a .tflite file")
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    parser.add_argument(
        "--verbose",
        action="store_true",
        help="if the model is refused, print every family's reason",
    )
    _add_picture_options(parser)
    _add_runtime_options(parser)
    parser.set_defaults(func=run, usage=parser.error)


def _add_picture_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--image", type=Path, metavar="FILE", help="run the model on this picture, too"
    )
    parser.add_argument(
        "--out", type=Path, metavar="PICTURE", help="draw the detections into a copy of the picture"
    )
    parser.add_argument(
        "--labels", type=Path, metavar="FILE", help="label list of the model, as model.labels_file"
    )
    parser.add_argument(
        "--min-score",
        type=number_in_range(min_value=0, max_value=1),
        default=0.5,
        metavar="S",
        help="lowest score of a detection, 0 to 1; default: 0.5",
    )


def _add_runtime_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--runtime",
        choices=["auto", *INTERPRETERS],
        default="auto",
        help="interpreter; default: auto",
    )
    parser.add_argument(
        "--threads",
        type=integer_in_range(min_value=1, max_value=_MAX_THREADS),
        default=1,
        metavar="N",
        help="CPU threads; default: 1",
    )
    parser.add_argument("--delegate", metavar="LIB", help="library of an external delegate")
    parser.add_argument(
        "--delegate-option",
        action="append",
        default=[],
        type=_parse_option,
        metavar="K=V",
        dest="options",
        help="option of the delegate; may be repeated",
    )
    parser.add_argument(
        "--custom-op",
        action="append",
        default=[],
        type=_parse_custom_op,
        metavar="NAME=LIB:FUNCTION",
        dest="custom_ops",
        help="custom operator, as in model.custom_ops; may be repeated",
    )


def run(args: argparse.Namespace) -> int:
    """Run the model in a sandboxed process and print the report.

    Returns:
        0; 1 if the model cannot be run and that has been printed as JSON.

    Raises:
        ModelError: the model cannot be run, without ``--json``.
        ConfigError: the picture cannot be read or written.
    """
    if args.out and not args.image:
        args.usage("--out needs --image")
    if args.options and not args.delegate and args.runtime != "simulated":
        args.usage("--delegate-option needs --delegate")
    if args.out:
        check_output_path(args.out)
    try:
        report = self_test_model(_settings(args), image=args.image, min_score=args.min_score)
    except EdgedError as error:
        if not args.json:
            raise
        _print_json(
            SelfTestFailure(
                error_type=type(error).__name__, message=str(error), details=list_notes(error)
            )
        )
        return 1
    if args.json:
        _print_json(report)
    else:
        print("\n".join(format_report(report, with_picture=args.image is not None)))
    if args.out:
        draw_detections(report.detections, args.image, args.out)
    return 0


def _settings(args: argparse.Namespace) -> ModelSettings:
    return ModelSettings(
        path=args.model,
        labels_file=args.labels,
        runtime=args.runtime,
        threads=args.threads,
        delegate=args.delegate,
        delegate_options=dict(args.options),
        custom_ops=dict(args.custom_ops),
    )


def format_report(report: SelfTestReport, *, with_picture: bool) -> list[str]:
    """Format the report as the lines of a table; `with_picture` adds a row even if nothing was detected."""
    spec = report.input
    rows = [
        ("model", report.name),
        *_metadata_rows(report.signature.metadata),
        ("family", report.family),
        *_signature_rows(report.signature.entry_point),
        ("runtime", report.runtime),
        ("delegate", _format_delegate(report)),
        ("image input", f"{spec.width}x{spec.height} {spec.channels}, {spec.fitting}"),
        *(("input", _format_tensor(tensor)) for tensor in report.signature.inputs),
        *(("output", _format_tensor(tensor)) for tensor in report.signature.outputs),
        ("operators", ", ".join(f"{times} {name}" for name, times in report.ops.items())),
        ("labels", _format_labels(report)),
        *_threshold_rows(report.signature.metadata),
        ("invoke", f"{report.invoke_ms_p50:.1f} ms median, {report.invoke_ms_p95:.1f} ms p95"),
        *(("detected", _format_detection(detection)) for detection in report.detections),
    ]
    if with_picture and not report.detections:
        rows.append(("detected", "nothing"))
    return format_rows(rows)


def _format_delegate(report: SelfTestReport) -> str:
    needs = "EdgeTPU" if _EDGETPU_OP in report.ops else "none"
    return f"{report.delegate or 'reference kernels'} (needed: {needs})"


def _signature_rows(entry_point: EntryPoint) -> list[tuple[str, str]]:
    if entry_point.signature is None and not entry_point.other_signatures:
        return []
    others = "; ".join(entry_point.other_signatures)
    unused = f" (not used: {others})" if others else ""
    return [("signature", f"{entry_point.signature or 'the first subgraph'}{unused}")]


def _metadata_rows(metadata: FileMetadata) -> list[tuple[str, str]]:
    rows = (("description", metadata.description), ("licence", metadata.licence))
    return [(key, value) for key, value in rows if value]


def _threshold_rows(metadata: FileMetadata) -> list[tuple[str, str]]:
    shown = ", ".join(f"{label} {score:g}" for label, score in metadata.thresholds.items())
    return [("thresholds", f"recommended: {shown}")] if shown else []


def _print_json(message: SelfTestReport | SelfTestFailure) -> None:
    sys.stdout.write(msgspec.json.format(msgspec.json.encode(message), indent=2).decode() + "\n")


def _parse_option(text: str) -> tuple[str, str]:
    key, equals, value = text.partition("=")
    if not key or not equals:
        raise argparse.ArgumentTypeError(f"expected K=V, got {text!r}")
    return key, value


def _parse_custom_op(text: str) -> tuple[str, str]:
    name, source = _parse_option(text)
    library, colon, function = source.rpartition(":")
    if not (library and colon and function):
        raise argparse.ArgumentTypeError(f"expected NAME=LIB:FUNCTION, got {text!r}")
    return name, source


def _format_tensor(tensor: TensorInfo) -> str:
    quantised = (
        f", ({tensor.dtype} - {tensor.zero_point}) * {tensor.scale:.6g}" if tensor.scale else ""
    )
    return f"{tensor.dtype} {list(tensor.shape)} {tensor.name!r}{quantised}"


def _format_labels(report: SelfTestReport) -> str:
    labels = report.labels
    if not labels:
        missing = explain_missing_labels(report.signature.metadata)
        explained = f"; {missing}: name one with --labels" if missing else ""
        return f"none: the labels are class-0, class-1, ...{explained}"
    more = "; ..." if len(labels) > _MAX_LABELS_SHOWN else ""
    return f"{len(labels)}: {'; '.join(labels[:_MAX_LABELS_SHOWN])}{more}"


def _format_detection(detection: ReportedDetection) -> str:
    box = ", ".join(f"{side:.3f}" for side in detection.box)
    return f"{detection.label} {detection.score:.2f} at [{box}]"
