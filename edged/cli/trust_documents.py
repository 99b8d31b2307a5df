"""The documents of ``edged trust``: how they are made and shown."""

import argparse
from pathlib import Path
from typing import Any

from edged.cli.envelope_report import lines, report_on
from edged.cli.numbers import count, number
from edged.cli.role_option import KeyRing, RoleOption, model_role_option, role_option
from edged.cli.verbs import add_verb, say
from edged.host.files import LocalFiles, write_new
from edged.updates.bundle import signing
from edged.updates.bundle.bundle import open_unverified
from edged.updates.bundle.envelope import MOST_ENVELOPE_BYTES
from edged.updates.bundle.trust import DESIRED_PAYLOAD_TYPE, PAYLOAD_TYPE, Trust, write_trust
from edged.updates.rules.desired import Desired, write_desired

_MOST_VERSION = 1 << 53
_FILES = LocalFiles()


def add_create(verbs: Any) -> None:
    """Declare ``create``."""
    parser = add_verb(verbs, "create", _create, "make a trust file, to be signed")
    parser.add_argument(
        "--root", type=Path, nargs="+", required=True, metavar="PUB", help="who may change it"
    )
    parser.add_argument(
        "--root-threshold",
        type=count(least=1, most=64),
        default=1,
        metavar="N",
        help="how many of them must sign",
    )
    parser.add_argument(
        "--models",
        type=model_role_option,
        action="append",
        required=True,
        metavar="PATTERN[,..]=[N:]PUB[,..]",
        help="who may sign models of these names, and how many of them must; may be given several times",
    )
    parser.add_argument(
        "--channel", type=role_option, metavar="[N:]PUB[,..]", help="who may sign desired states"
    )
    parser.add_argument(
        "--version",
        type=count(least=1, most=_MOST_VERSION),
        default=1,
        metavar="N",
        help="goes up by one with each change",
    )
    parser.add_argument("--description", default="", metavar="TEXT")
    _add_out(parser)


def add_desired(verbs: Any) -> None:
    """Declare ``desired``."""
    parser = add_verb(verbs, "desired", _desired, "make a channel's desired state, to be signed")
    parser.add_argument("bundle", type=Path, metavar="BUNDLE", help="the .edgem that is to run")
    parser.add_argument("--channel", required=True, metavar="NAME")
    parser.add_argument(
        "--sequence",
        type=count(least=1, most=_MOST_VERSION),
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
        type=number(least=0, above=True, most=8760),
        default=168.0,
        metavar="H",
        help="a new one follows within so many hours; default: %(default)g",
    )
    _add_out(parser)


def _add_out(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--out", type=Path, required=True, metavar="FILE", help="a new file")


def document(args: argparse.Namespace, file: Path, *, by: Trust | None = None) -> int:
    """Say what is in a document, as `edged.cli.envelope_report` has it."""
    report = report_on(file, read(file), by=by)
    return say(args, report, "\n".join(lines(report)))


def read(file: Path) -> bytes:
    """Read a document.

    Raises:
        StoreError: it cannot be read.
    """
    return _FILES.read(file, MOST_ENVELOPE_BYTES)


def _create(args: argparse.Namespace) -> int:
    ring = KeyRing()
    trust = Trust(
        version=args.version,
        root=ring.role(RoleOption(args.root_threshold, tuple(args.root))),
        models=tuple(ring.model_role(option) for option in args.models),
        channel=ring.role(args.channel) if args.channel else None,
        keys=ring.keys,
        description=args.description,
    )
    write_new(_FILES, args.out, [signing.sign(write_trust(trust), PAYLOAD_TYPE, ())])
    return document(args, args.out)


def _desired(args: argparse.Namespace) -> int:
    with _FILES.open(args.bundle) as file:
        bundle = open_unverified(file, _FILES.size(args.bundle))
    desired = Desired(
        channel=args.channel,
        sequence=args.sequence,
        title=bundle.manifest.title,
        digest=bundle.digest,
        urls=tuple(args.url),
        refresh_h=args.refresh_h,
    )
    write_new(_FILES, args.out, [signing.sign(write_desired(desired), DESIRED_PAYLOAD_TYPE, ())])
    return document(args, args.out)
