"""``edged inspect``: what a model file is, how it would be run, and what it sees in a picture."""

import argparse
import sys
from pathlib import Path
from typing import Any

import msgspec

from edged.cli.annotate import check_output_path, draw_detections
from edged.cli.numbers import integer_in_range, number_in_range
from edged.config.settings import ModelSettings
from edged.errors import EdgedError
from edged.registry import INTERPRETERS
from edged.selftest.messages import ReportedDetection, SelfTestFailure, SelfTestReport
from edged.selftest.process import self_test_model
from edged.types import TensorInfo

_EDGETPU_OP = "edgetpu-custom-op"
_MAX_LABELS_SHOWN = 8
_MAX_THREADS = 64


def add_parser(subparsers: Any) -> None:
    """Add this command to the command line."""
    parser = subparsers.add_parser(
        "inspect",
        help="try a model file in a sandboxed process and say what it is",
        description="Loads a model in a process of its own, tries and times it, and says what it is. "
        "Exits with 1 if the model is refused.",
    )
    parser.add_argument("model", type=Path, metavar="MODEL", help="a .tflite file")
    parser.add_argument("--image", type=Path, metavar="FILE", help="a picture to look at")
    parser.add_argument(
        "--out", type=Path, metavar="PICTURE", help="draw what was found into a copy"
    )
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    parser.add_argument("--labels", type=Path, metavar="FILE", help="one label a line")
    parser.add_argument("--runtime", choices=["auto", *INTERPRETERS], default="auto")
    parser.add_argument(
        "--threads",
        type=integer_in_range(min_value=1, max_value=_MAX_THREADS),
        default=1,
        metavar="N",
    )
    parser.add_argument("--delegate", metavar="LIB", help="an external delegate's library")
    parser.add_argument(
        "--delegate-option",
        action="append",
        default=[],
        type=_parse_option,
        metavar="K=V",
        dest="options",
    )
    parser.add_argument(
        "--custom-op",
        action="append",
        default=[],
        type=_parse_custom_op,
        metavar="NAME=LIB:FUNCTION",
        dest="custom_ops",
        help="an operator that the runtime does not know, as in model.custom_ops",
    )
    parser.add_argument(
        "--min-score", type=number_in_range(min_value=0, max_value=1), default=0.5, metavar="S"
    )
    parser.set_defaults(func=run, usage=parser.error)


def run(args: argparse.Namespace) -> int:
    """Try the model and print the report; only the child touches the model.

    Returns:
        0; 1 if the model is refused and that has been printed as JSON.

    Raises:
        ModelError: the model is refused, without ``--json``.
        ConfigError: the picture cannot be read or written.
    """
    if args.out and not args.image:
        args.usage("--out needs --image")
    if args.out:
        check_output_path(args.out)
    if args.options and not args.delegate and args.runtime != "simulated":
        args.usage("--delegate-option needs --delegate")
    settings = ModelSettings(
        path=args.model,
        labels_file=args.labels,
        runtime=args.runtime,
        threads=args.threads,
        delegate=args.delegate,
        delegate_options=dict(args.options),
        custom_ops=dict(args.custom_ops),
    )
    try:
        report = self_test_model(settings, image=args.image, min_score=args.min_score)
    except EdgedError as error:
        if not args.json:
            raise
        _print_json(SelfTestFailure(error_type=type(error).__name__, message=str(error)))
        return 1
    if args.json:
        _print_json(report)
    else:
        print("\n".join(format_report(report, with_picture=args.image is not None)))
    if args.out:
        draw_detections(report.detections, args.image, args.out)
    return 0


def format_report(report: SelfTestReport, *, with_picture: bool) -> list[str]:
    """The report as lines of a table."""
    spec = report.input
    needs = "EdgeTPU" if _EDGETPU_OP in report.ops else "none"
    rows = [
        ("model", report.name),
        ("family", report.family),
        ("runtime", report.runtime),
        ("delegate", f"{report.delegate or 'reference kernels'} (needed: {needs})"),
        ("fed with", f"{spec.width}x{spec.height} {spec.channels}, {spec.fitting}"),
        *(("input", _format_tensor(tensor)) for tensor in report.signature.inputs),
        *(("output", _format_tensor(tensor)) for tensor in report.signature.outputs),
        ("operators", ", ".join(f"{times} {name}" for name, times in report.ops.items())),
        ("labels", _format_labels(report.labels)),
        ("invoke", f"{report.invoke_ms_p50:.1f} ms median, {report.invoke_ms_p95:.1f} ms p95"),
        *(("found", _format_detection(finding)) for finding in report.detections),
    ]
    if with_picture and not report.detections:
        rows.append(("found", "nothing"))
    metadata = report.signature.metadata
    about = {"description": metadata.description, "licence": metadata.licence}
    rows[1:1] = [(key, value) for key, value in about.items() if value]
    return [f"{key:<12} {value}" for key, value in rows]


def _print_json(message: SelfTestReport | SelfTestFailure) -> None:
    sys.stdout.write(msgspec.json.format(msgspec.json.encode(message), indent=2).decode() + "\n")


def _parse_option(text: str) -> tuple[str, str]:
    key, equals, value = text.partition("=")
    if not key or not equals:
        raise argparse.ArgumentTypeError(f"{text!r} is not K=V")
    return key, value


def _parse_custom_op(text: str) -> tuple[str, str]:
    name, source = _parse_option(text)
    library, colon, function = source.rpartition(":")
    if not (library and colon and function):
        raise argparse.ArgumentTypeError(f"{text!r} is not NAME=LIB:FUNCTION")
    return name, source


def _format_tensor(tensor: TensorInfo) -> str:
    quantised = (
        f", ({tensor.dtype} - {tensor.zero_point}) * {tensor.scale:.6g}" if tensor.scale else ""
    )
    return f"{tensor.dtype} {list(tensor.shape)} {tensor.name!r}{quantised}"


def _format_labels(labels: tuple[str, ...]) -> str:
    if not labels:
        return "none: classes are called class-0, class-1, ..."
    more = "; ..." if len(labels) > _MAX_LABELS_SHOWN else ""
    return f"{len(labels)}: {'; '.join(labels[:_MAX_LABELS_SHOWN])}{more}"


def _format_detection(detection: ReportedDetection) -> str:
    box = ", ".join(f"{side:.3f}" for side in detection.box)
    return f"{detection.label} {detection.score:.2f} at [{box}]"
