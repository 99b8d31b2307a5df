"""The documents of ``edged trust``: how they are made and shown."""

import argparse
from pathlib import Path
from typing import Any

from edged.cli.envelope_report import format_envelope_report, make_envelope_report
from edged.cli.numbers import integer_in_range, number_in_range
from edged.cli.role_option import KeyRing, RoleOption, parse_model_role, parse_role
from edged.cli.verbs import add_verb, print_result
from edged.host.files import LocalFileSystem, write_new_file
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
    """Declare ``create``."""
    parser = add_verb(verbs, "create", _create, "make a trust file, to be signed")
    parser.add_argument(
        "--root", type=Path, nargs="+", required=True, metavar="PUB", help="who may change it"
    )
    parser.add_argument(
        "--root-threshold",
        type=integer_in_range(min_value=1, max_value=64),
        default=1,
        metavar="N",
        help="how many of them must sign",
    )
    parser.add_argument(
        "--models",
        type=parse_model_role,
        action="append",
        required=True,
        metavar="PATTERN[,..]=[N:]PUB[,..]",
        help="who may sign models of these names, and how many of them must; may be given several times",
    )
    parser.add_argument(
        "--channel", type=parse_role, metavar="[N:]PUB[,..]", help="who may sign desired states"
    )
    parser.add_argument(
        "--version",
        type=integer_in_range(min_value=1, max_value=_MAX_VERSION),
        default=1,
        metavar="N",
        help="goes up by one with each change",
    )
    parser.add_argument("--description", default="", metavar="TEXT")
    _add_out_option(parser)


def add_desired_verb(verbs: Any) -> None:
    """Declare ``desired``."""
    parser = add_verb(verbs, "desired", _desired, "make a channel's desired state, to be signed")
    parser.add_argument("bundle", type=Path, metavar="BUNDLE", help="the .edgem that is to run")
    parser.add_argument("--channel", required=True, metavar="NAME")
    parser.add_argument(
        "--sequence",
        type=integer_in_range(min_value=1, max_value=_MAX_VERSION),
        required=True,
        metavar="N",
        help="higher than ever before",
    )
    parser.add_argument(
        "--url",
        action="append",
        required=True,
        metavar="URL",
        help="where devices get the bundle; may be given several times",
    )
    parser.add_argument(
        "--refresh-h",
        type=number_in_range(min_value=0, exclude_min=True, max_value=8760),
        default=168.0,
        metavar="H",
        help="a new one follows within so many hours; default: %(default)g",
    )
    _add_out_option(parser)


def _add_out_option(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--out", type=Path, required=True, metavar="FILE", help="a new file")


def print_document(
    args: argparse.Namespace, file: Path, *, current_trust: TrustFile | None = None
) -> int:
    """Say what is in a document, as `edged.cli.envelope_report` has it."""
    report = make_envelope_report(file, read_document(file), current_trust=current_trust)
    return print_result(args, report, "\n".join(format_envelope_report(report)))


def read_document(file: Path) -> bytes:
    """Read a document.

    Raises:
        StoreError: it cannot be read.
    """
    return _FILES.read(file, MAX_ENVELOPE_BYTES)


def _create(args: argparse.Namespace) -> int:
    ring = KeyRing()
    trust = TrustFile(
        version=args.version,
        root=ring.make_role(RoleOption(args.root_threshold, tuple(args.root))),
        models=tuple(ring.make_model_role(option) for option in args.models),
        channel=ring.make_role(args.channel) if args.channel else None,
        keys=ring.keys,
        description=args.description,
    )
    write_new_file(_FILES, args.out, [signing.sign(encode_trust_file(trust), PAYLOAD_TYPE, ())])
    return print_document(args, args.out)


def _desired(args: argparse.Namespace) -> int:
    with _FILES.open(args.bundle) as file:
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
