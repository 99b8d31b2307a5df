"""``edged bundle create``: from a model, goldens and a few words to a bundle, signed or to be signed."""

import argparse
import sys
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import msgspec

from edged.authoring.bundle_contents import BundleSpec, ManifestDetails, make_bundle_contents
from edged.cli.bundle_report import format_bundle_report, make_bundle_report
from edged.cli.numbers import integer_in_range
from edged.cli.progress import ProgressBar
from edged.cli.signing_option import add_signing_options, open_signers
from edged.cli.verbs import add_verb, print_result
from edged.config.describe import describe_type
from edged.config.layers import read_layers
from edged.config.problems import InvalidConfigError
from edged.config.settings_reader import SettingsReader
from edged.errors import ConfigError, UpdateError
from edged.updates.bundle import signing
from edged.updates.bundle.bundle import write_bundle
from edged.updates.bundle.manifest import PAYLOAD_TYPE, ModelName, Version, encode_manifest

_MAX_COUNT = 1 << 53


def add_create_verb(verbs: Any) -> None:
    """Declare ``create``."""
    parser = add_verb(verbs, "create", _create, "make a bundle of a model, after trying it")
    for option, kind, help_ in (
        ("--name", ModelName, "of the model, the same over its versions"),
        ("--version", Version, "for people"),
    ):
        parser.add_argument(
            option, type=_text_type(kind), required=True, metavar="TEXT", help=help_
        )
    parser.add_argument(
        "--licence", required=True, metavar="SPDX", help="as MIT, or LicenseRef-Ours"
    )
    for option, help_ in (
        ("--counter", "goes up with every version: devices go back only for an operator"),
        ("--epoch", "security floor: goes up when no older version may ever run again"),
    ):
        parser.add_argument(
            option,
            type=integer_in_range(min_value=0, max_value=_MAX_COUNT),
            required=True,
            metavar="N",
            help=help_,
        )
    parser.add_argument("--model", type=Path, required=True, metavar="FILE", help="a .tflite")
    goldens = parser.add_mutually_exclusive_group(required=True)
    goldens.add_argument(
        "--goldens", type=Path, metavar="FOLDER", help="as `edged-models goldens` writes it"
    )
    goldens.add_argument(
        "--pictures",
        type=Path,
        metavar="FOLDER",
        help="goldens are made of these by the model itself: at least 8, in 2 of which it finds nothing",
    )
    parser.add_argument(
        "--edgetpu", type=Path, metavar="FILE", help="the same model from the EdgeTPU compiler"
    )
    parser.add_argument(
        "--edgetpu-goldens", type=Path, metavar="FOLDER", help="its own; the model's if not given"
    )
    parser.add_argument(
        "--manifest",
        type=Path,
        metavar="FILE",
        help="TOML with all else: [requirements], labels, [thresholds], [budgets], [probation], provenance",
    )
    parser.add_argument("--out", type=Path, required=True, metavar="FILE", help="NAME.edgem")
    add_signing_options(parser, required=False)


def read_details(file: Path) -> ManifestDetails:
    """What a manifest's TOML file says.

    Raises:
        InvalidConfigError: something in it is wrong; with all that is.
    """
    layers = read_layers(file, file / "nothing beside it")
    reader = SettingsReader(file.parent.joinpath)
    details = reader.read_struct(ManifestDetails, layers.table, ())
    if reader.problems or details is None:
        raise InvalidConfigError(layers.locate_problems(reader.problems))
    return details


def _create(args: argparse.Namespace) -> int:
    if args.edgetpu_goldens and not args.edgetpu:
        raise ConfigError("--edgetpu-goldens needs --edgetpu")
    signers = open_signers(args)
    recipe = BundleSpec(
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
    with TemporaryDirectory(prefix="edged-") as scratch, ProgressBar(sys.stderr) as bar:
        contents = make_bundle_contents(recipe, Path(scratch), bar.show)
        envelope = signing.sign(encode_manifest(contents.manifest), PAYLOAD_TYPE, signers)
        write_bundle(args.out, envelope, contents.sources)
    report = make_bundle_report(args.out)
    return print_result(args, report, "\n".join(format_bundle_report(report)))


def _parse_licence(expression: str) -> str:
    try:
        from packaging.licenses import InvalidLicenseExpression, canonicalize_license_expression
    except ImportError as error:
        raise UpdateError(
            "licences cannot be read: packaging 24.2 is missing: pip install 'edged[updates]'"
        ) from error
    try:
        return canonicalize_license_expression(expression)
    except InvalidLicenseExpression as error:
        raise ConfigError(
            f'--licence: {expression!r} is no SPDX expression, as "Apache-2.0" or "LicenseRef-Ours"'
        ) from error


def _text_type(kind: Any) -> Callable[[str], str]:
    """An argparse `type`: a text of that kind."""

    def parse(text: str) -> str:
        try:
            return str(msgspec.convert(text, kind))
        except msgspec.ValidationError as error:
            raise argparse.ArgumentTypeError(
                f"expected {describe_type(kind)}, got {text!r}"
            ) from error

    return parse
