"""Creation and display of the documents of ``edged trust``: trust files and desired states."""

import argparse
from pathlib import Path
from typing import Any

from edged.cli.envelope_report import format_envelope_report, make_envelope_report
from edged.cli.role_option import KeyRing, RoleOption, parse_model_role, parse_role
from edged.cli.verbs import add_verb, naming_file, print_result
from edged.host.files import LocalFileSystem, write_new_file
from edged.terminal.numbers import integer_in_range, number_in_range
from edged.terminal.program import EXIT_ERROR
from edged.updates.bundle import signing
from edged.updates.bundle.bundle import open_unverified
from edged.updates.bundle.envelope import MAX_ENVELOPE_BYTES
from edged.updates.bundle.trust import (
    DESIRED_PAYLOAD_TYPE,
    PAYLOAD_TYPE,
    TrustFile,
    encode_trust_file,
)
from edged.updates.rules.desired import DesiredState, encode_desired

_MAX_VERSION = 1 << 53
_FILES = LocalFileSystem()


def add_create_verb(verbs: Any) -> None:
    """Add the verb ``create``."""
    parser = add_verb(verbs, "create", _create, "make an unsigned trust file")
    _add_root_options(parser)
    _add_role_options(parser)
    _add_version_options(parser)
    _add_out_option(parser)


def _add_root_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--root",
        type=Path,
        nargs="+",
        required=True,
        metavar="PUB",
        help="keys that may sign a newer trust file",
    )
    parser.add_argument(
        "--root-threshold",
        type=integer_in_range(min_value=1, max_value=64),
        default=1,
        metavar="N",
        help="number of root keys that must sign; default: 1",
    )


def _add_role_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--models",
        type=parse_model_role,
        action="append",
        required=True,
        metavar="PATTERN[,..]=[N:]PUB[,..]",
        help="keys that may sign models with these names, and the number N of them that must; may be repeated",
    )
    parser.add_argument(
        "--channel",
        type=parse_role,
        metavar="[N:]PUB[,..]",
        help="keys that may sign desired states, and the number N of them that must",
    )


def _add_version_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--version",
        type=integer_in_range(min_value=1, max_value=_MAX_VERSION),
        default=1,
        metavar="N",
        help="version of the trust file: one higher with each change; default: 1",
    )
    parser.add_argument("--description", default="", metavar="TEXT", help="for people")


def add_desired_verb(verbs: Any) -> None:
    """Add the verb ``desired``."""
    parser = add_verb(verbs, "desired", _desired, "make an unsigned desired state for a channel")
    parser.add_argument(
        "bundle", type=Path, metavar="BUNDLE", help="the bundle (.edgem) to install"
    )
    parser.add_argument("--channel", required=True, metavar="NAME", help="name of the channel")
    parser.add_argument(
        "--sequence",
        type=integer_in_range(min_value=1, max_value=_MAX_VERSION),
        required=True,
        metavar="N",
        help="a number higher than that of every earlier desired state of the channel",
    )
    parser.add_argument(
        "--url",
        action="append",
        required=True,
        metavar="URL",
        help="URL of the bundle; may be repeated",
    )
    parser.add_argument(
        "--refresh-h",
        type=number_in_range(min_value=0, exclude_min=True, max_value=8760),
        default=168.0,
        metavar="H",
        help="the next desired state follows within this many hours; default: %(default)g",
    )
    _add_out_option(parser)


def _add_out_option(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--out", type=Path, required=True, metavar="FILE", help="a new file")


def print_document(
    args: argparse.Namespace, file: Path, *, current_trust: TrustFile | None = None
) -> int:
    """Print the contents and signatures of a document and return the exit code.

    Args:
        args: the parsed arguments.
        file: the document.
        current_trust: the trust file in force on the device that is to accept the document, or None.

    Returns:
        0.

    Raises:
        BundleError: the file is neither a trust file nor a desired state.
        StoreError: the file cannot be read.
    """
    report = make_envelope_report(file, read_document(file), current_trust=current_trust)
    return print_result(args, report, "\n".join(format_envelope_report(report)))


def show_document(args: argparse.Namespace, file: Path, *, current_trust: TrustFile | None) -> int:
    """Print a document as `print_document` does, and return 1 if a device does not accept it.

    Args:
        args: the parsed arguments.
        file: the document.
        current_trust: the trust file in force on the device that is to accept the document, or None.

    Raises:
        BundleError: the file is neither a trust file nor a desired state.
        StoreError: the file cannot be read.
    """
    report = make_envelope_report(file, read_document(file), current_trust=current_trust)
    print_result(args, report, "\n".join(format_envelope_report(report)))
    return EXIT_ERROR if report.accepted is False else 0


def read_document(file: Path) -> bytes:
    """Read a document.

    Raises:
        StoreError: the file cannot be read.
    """
    return _FILES.read(file, MAX_ENVELOPE_BYTES)


def _create(args: argparse.Namespace) -> int:
    key_ring = KeyRing()
    trust = TrustFile(
        version=args.version,
        root=key_ring.make_role(RoleOption(args.root_threshold, tuple(args.root))),
        models=tuple(key_ring.make_model_role(option) for option in args.models),
        channel=key_ring.make_role(args.channel) if args.channel else None,
        keys=key_ring.keys,
        description=args.description,
    )
    write_new_file(_FILES, args.out, [signing.sign(encode_trust_file(trust), PAYLOAD_TYPE, ())])
    return print_document(args, args.out)


def _desired(args: argparse.Namespace) -> int:
    with naming_file(args.bundle), _FILES.open(args.bundle) as file:
        bundle = open_unverified(file, _FILES.size(args.bundle))
    desired = DesiredState(
        channel=args.channel,
        sequence=args.sequence,
        title=bundle.manifest.title,
        digest=bundle.digest,
        urls=tuple(args.url),
        refresh_h=args.refresh_h,
    )
    write_new_file(
        _FILES, args.out, [signing.sign(encode_desired(desired), DESIRED_PAYLOAD_TYPE, ())]
    )
    return print_document(args, args.out)
