"""``edged bundle create``: create a bundle from a model and its goldens, signed or unsigned."""

import argparse
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import msgspec

from edged.authoring.bundle_contents import make_bundle_contents
from edged.authoring.bundle_spec import BundleSpec, ManifestDetails
from edged.cli.bundle_report import format_bundle_report, make_bundle_report
from edged.cli.progress import ProgressBar
from edged.cli.signing_option import add_signing_options, open_signers
from edged.cli.verbs import add_verb, print_result
from edged.config.describe import describe_type
from edged.config.layers import read_layers
from edged.config.problems import InvalidConfigError
from edged.config.settings_reader import SettingsReader
from edged.errors import ConfigError, UpdateError
from edged.selftest.messages import ReportedDetection
from edged.terminal.escape import one_line
from edged.terminal.numbers import integer_in_range
from edged.updates.bundle import signing
from edged.updates.bundle.bundle import write_bundle
from edged.updates.bundle.manifest import PAYLOAD_TYPE, ModelName, Version, encode_manifest

_MAX_COUNT = 1 << 53


def add_create_verb(verbs: Any) -> None:
    """Add the verb ``create``."""
    parser = add_verb(
        verbs, "create", _create, "create a bundle of a model, after running it on its goldens"
    )
    _add_manifest_options(parser)
    _add_file_options(parser)
    parser.add_argument("--out", type=Path, required=True, metavar="FILE", help="NAME.edgem")
    add_signing_options(parser, required=False)


def _add_manifest_options(parser: argparse.ArgumentParser) -> None:
    _add_text_option(parser, "--name", ModelName, "name of the model, the same in all its versions")
    _add_text_option(parser, "--version", Version, "version, as people see it")
    parser.add_argument(
        "--licence", required=True, metavar="SPDX", help="such as MIT or LicenseRef-Ours"
    )
    counter_help = "higher in each version: devices install a lower one only for an operator"
    _add_count_option(parser, "--counter", counter_help)
    epoch_help = "security floor: raise it when no older version may ever run again"
    _add_count_option(parser, "--epoch", epoch_help)
    parser.add_argument(
        "--manifest",
        type=Path,
        metavar="FILE",
        help="TOML file with the optional fields: [requirements], labels, [thresholds], [budgets], [probation], provenance",
    )


def _add_text_option(
    parser: argparse.ArgumentParser, option: str, kind: Any, help_text: str
) -> None:
    parser.add_argument(
        option, type=_text_type(kind), required=True, metavar="TEXT", help=help_text
    )


def _add_count_option(parser: argparse.ArgumentParser, option: str, help_text: str) -> None:
    parser.add_argument(
        option,
        type=integer_in_range(min_value=0, max_value=_MAX_COUNT),
        required=True,
        metavar="N",
        help=help_text,
    )


def _add_file_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--model", type=Path, required=True, metavar="FILE", help="a .tflite file for the CPU"
    )
    goldens = parser.add_mutually_exclusive_group(required=True)
    goldens.add_argument(
        "--goldens",
        type=Path,
        metavar="FOLDER",
        help="goldens, as `edged-models goldens` writes them",
    )
    goldens.add_argument(
        "--pictures",
        type=Path,
        metavar="FOLDER",
        help="pictures to make goldens from, with the model's own detections: at least 8, of which 2 without detections",
    )
    parser.add_argument(
        "--edgetpu", type=Path, metavar="FILE", help="the same model from the EdgeTPU compiler"
    )
    parser.add_argument(
        "--edgetpu-goldens",
        type=Path,
        metavar="FOLDER",
        help="goldens of the EdgeTPU model; default: those of the CPU model",
    )


def read_details(file: Path) -> ManifestDetails:
    """Read the optional fields of a manifest from a TOML file.

    Raises:
        InvalidConfigError: the file is invalid; the error holds every problem.
    """
    layers = read_layers(file, file / "no conf.d")
    reader = SettingsReader(file.parent.joinpath)
    details = reader.read_struct(ManifestDetails, layers.table, ())
    if reader.problems or details is None:
        raise InvalidConfigError(layers.locate_problems(reader.problems))
    return details


def _create(args: argparse.Namespace) -> int:
    if args.edgetpu_goldens and not args.edgetpu:
        raise ConfigError("--edgetpu-goldens needs --edgetpu")
    signers = open_signers(args)
    spec = _make_spec(args)
    with TemporaryDirectory(prefix="edged-") as scratch, ProgressBar(sys.stderr) as bar:
        pictures: list[str] = []
        contents = make_bundle_contents(
            spec,
            Path(scratch),
            bar.show,
            on_picture=lambda path, found: pictures.append(_format_golden(path, found)),
        )
        envelope = signing.sign(encode_manifest(contents.manifest), PAYLOAD_TYPE, signers)
        write_bundle(args.out, envelope, contents.sources)
    report = make_bundle_report(args.out)
    return print_result(args, report, "\n".join([*format_bundle_report(report), *pictures]))


def _format_golden(picture: Path, detections: Sequence[ReportedDetection]) -> str:
    found = ", ".join(f"{one.label} {one.score:.2f}" for one in detections)
    return one_line(f"{'golden':<12} {picture.name}: {found or 'no detections'}")


def _make_spec(args: argparse.Namespace) -> BundleSpec:
    return BundleSpec(
        name=args.name,
        version=args.version,
        counter=args.counter,
        epoch=args.epoch,
        licence=_parse_licence(args.licence),
        model=args.model,
        goldens=args.goldens,
        pictures=args.pictures,
        edgetpu=args.edgetpu,
        edgetpu_goldens=args.edgetpu_goldens,
        details=read_details(args.manifest) if args.manifest else ManifestDetails(),
    )


def _parse_licence(expression: str) -> str:
    try:
        from packaging.licenses import InvalidLicenseExpression, canonicalize_license_expression
    except ImportError as error:
        raise UpdateError("--licence needs packaging 24.2: pip install 'edged[updates]'") from error
    try:
        return canonicalize_license_expression(expression)
    except InvalidLicenseExpression as error:
        raise ConfigError(
            f'--licence: {expression!r} is no SPDX expression, such as "Apache-2.0" or "LicenseRef-Ours"'
        ) from error


def _text_type(kind: Any) -> Callable[[str], str]:
    """Return an argparse `type` that takes a text of a constrained msgspec type."""

    def parse(text: str) -> str:
        try:
            return str(msgspec.convert(text, kind))
        except msgspec.ValidationError as error:
            raise argparse.ArgumentTypeError(
                f"expected {describe_type(kind)}, got {text!r}"
            ) from error

    return parse
