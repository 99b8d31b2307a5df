"""The options of ``edged bench``."""

import argparse
from pathlib import Path

from edged.terminal.numbers import integer_in_range, number_in_range

SCENARIO_NAMES = ("static", "cameras", "accelerator", "update", "costs")
_WIDTH, _HEIGHT = (
    integer_in_range(min_value=64, max_value=7680),
    integer_in_range(min_value=64, max_value=4320),
)


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add the options to the command's parser."""
    _add_measurement(parser.add_argument_group("what is measured"))
    _add_duration(parser.add_argument_group("how long"))
    _add_output(parser.add_argument_group("what becomes of the result"))


def _add_measurement(group: argparse._ArgumentGroup) -> None:
    group.add_argument(
        "--model", type=Path, metavar="FILE", help="a .tflite file; default: the bundled model"
    )
    group.add_argument(
        "--size",
        type=_parse_size,
        default=(1280, 720),
        metavar="WxH",
        help="size of the synthetic frames; default: 1280x720",
    )
    group.add_argument(
        "--fps",
        type=number_in_range(min_value=1, max_value=1000),
        default=30.0,
        metavar="N",
        help="frames per second of the latency runs; default: 30",
    )
    group.add_argument(
        "--clip", type=Path, metavar="FILE", help="a video to replay beside the synthetic frames"
    )
    group.add_argument(
        "--against",
        metavar="REF",
        help="also measure the build of a git ref, in turn with this one; needs a checkout",
    )
    group.add_argument(
        "--scenario",
        choices=SCENARIO_NAMES,
        help="measure something else: a static scene, 1 to 8 cameras, a simulated accelerator, the latency during an update, or the costs by size and objects",
    )


def _add_duration(group: argparse._ArgumentGroup) -> None:
    group.add_argument(
        "--pairs",
        type=integer_in_range(min_value=1, max_value=1000),
        default=5,
        metavar="N",
        help="number of rounds, each with one run of every program; default: 5",
    )
    group.add_argument(
        "--seconds",
        type=number_in_range(min_value=0, exclude_min=True, max_value=3600),
        default=3.0,
        metavar="S",
        help="duration of each run; default: 3",
    )
    group.add_argument("--quick", action="store_true", help="one round of runs of one second")


def _add_output(group: argparse._ArgumentGroup) -> None:
    group.add_argument("--json", action="store_true", help="print JSON instead of a table")
    group.add_argument("--out", type=Path, metavar="FILE", help="keep the report as JSON")
    group.add_argument("--compare", type=Path, metavar="FILE", help="compare with a kept report")
    group.add_argument(
        "--from",
        dest="kept",
        type=Path,
        metavar="FILE",
        help="show a kept report instead of measuring",
    )
    group.add_argument(
        "--plots", type=Path, metavar="DIR", help="draw the report as SVG files; needs matplotlib"
    )


def _parse_size(text: str) -> tuple[int, int]:
    width, _, height = text.partition("x")
    try:
        return _WIDTH(width), _HEIGHT(height)
    except argparse.ArgumentTypeError:
        raise argparse.ArgumentTypeError(
            f"expected WxH from 64x64 to 7680x4320, as 1280x720, got {text!r}"
        ) from None
