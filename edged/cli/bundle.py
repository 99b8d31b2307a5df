"""``edged bundle``: create, sign, show and verify bundles on a workstation."""

import argparse
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from edged.cli.bundle_create import add_create_verb
from edged.cli.bundle_report import BundleRejection, format_bundle_report, make_bundle_report
from edged.cli.progress import ProgressBar
from edged.cli.signing_option import add_signing_options, open_signers
from edged.cli.verbs import add_verb, naming_file, print_result
from edged.errors import BundleError
from edged.host.files import LocalFileSystem
from edged.terminal.program import EXIT_ERROR
from edged.updates.bundle import signing
from edged.updates.bundle.bundle import (
    check_goldens,
    iter_verified_content,
    open_bundle,
    open_unverified,
    rewrite_envelope,
)
from edged.updates.bundle.envelope import MAX_ENVELOPE_BYTES
from edged.updates.bundle.trust import TrustFile, verify_trust_file
from edged.updates.rules.compatibility import check_requirements

_FILES = LocalFileSystem()


def add_parser(subparsers: Any) -> None:
    """Add this command to the command line."""
    parser = subparsers.add_parser(
        "bundle",
        help="create, sign, show and verify model bundles (.edgem)",
        description="Creates and signs the bundles that devices install as model updates, and verifies them as a device does.",
    )
    verbs = parser.add_subparsers(metavar="VERB", required=True)
    add_create_verb(verbs)
    sign = _add(verbs, "sign", _sign, "add signatures to a bundle")
    add_signing_options(sign, required=True)
    _add(verbs, "inspect", _inspect, "show the contents of a bundle without verifying them")
    verify = _add(verbs, "verify", _verify, "verify signatures, files and goldens as a device does")
    verify.add_argument(
        "--trust", type=Path, required=True, metavar="FILE", help="trust file of the device"
    )


def _add(
    verbs: Any, name: str, func: Callable[[argparse.Namespace], int], summary: str
) -> argparse.ArgumentParser:
    parser = add_verb(verbs, name, func, summary)
    parser.add_argument("file", type=Path, metavar="BUNDLE", help="a .edgem file")
    return parser


def _sign(args: argparse.Namespace) -> int:
    signers = open_signers(args)
    with naming_file(args.file), _FILES.open(args.file) as file:
        envelope = open_unverified(file, _FILES.size(args.file)).envelope
    rewrite_envelope(args.file, signing.add_signatures(envelope, signers))
    return _inspect(args)


def _inspect(args: argparse.Namespace) -> int:
    report = make_bundle_report(args.file)
    return print_result(args, report, "\n".join(format_bundle_report(report)))


def _verify(args: argparse.Namespace) -> int:
    with naming_file(args.trust):
        trust = verify_trust_file(_FILES.read(args.trust, MAX_ENVELOPE_BYTES))
    try:
        with naming_file(args.file):
            _verify_all(args.file, trust)
    except BundleError as error:
        if not args.json:
            raise
        print_result(args, BundleRejection(file=str(args.file), reason=str(error)), "")
        return EXIT_ERROR
    report = make_bundle_report(args.file, trust=trust)
    return print_result(args, report, "\n".join(format_bundle_report(report)))


def _verify_all(path: Path, trust: TrustFile) -> None:
    """Verify everything that does not depend on the device.

    Raises:
        BundleError: the bundle is damaged or not trusted, or no device could use it.
        StoreError: the bundle cannot be read.
    """
    with _FILES.open(path) as file, ProgressBar(sys.stderr) as bar:
        bundle = open_bundle(file, _FILES.size(path), trust)
        manifest, done = bundle.manifest, 0
        for entry in manifest.files:
            for piece in iter_verified_content(file, bundle, entry):
                done += len(piece)
                bar.show(f"verifying {entry.name}", done / manifest.size_bytes)
        check_goldens(
            manifest,
            lambda name: b"".join(iter_verified_content(file, bundle, manifest.file(name))),
        )
        check_requirements(manifest.requirements)
