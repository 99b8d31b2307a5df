"""``--key URI`` and ``--public FILE``: who signs."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from edged.errors import ConfigError
from edged.updates.bundle import signing
from edged.updates.bundle.keys import decode_public_key

if TYPE_CHECKING:
    from securesystemslib.signer import Signer


def add_signing_options(parser: argparse.ArgumentParser, *, required: bool) -> None:
    """Add them."""
    parser.add_argument(
        "--key",
        action="append",
        default=[],
        required=required,
        dest="keys",
        metavar="URI",
        help="signs: NAME.pem, or what securesystemslib takes: hsm:, awskms:, gcpkms:, ...; may be given several times",
    )
    parser.add_argument(
        "--public",
        type=Path,
        metavar="FILE",
        help="the public key (PEM) of a key that is not in a file",
    )


def open_signers(args: argparse.Namespace) -> list[Signer]:
    """Those that were named; keys are opened before any work is done.

    Raises:
        ConfigError: the public key cannot be read.
        UpdateError: there is no such key, or its service does not answer.
    """
    public = None
    if args.public:
        try:
            public = decode_public_key(args.public.read_bytes(), name=args.public.stem)
        except OSError as error:
            raise ConfigError(f"cannot read {args.public}: {error.strerror}") from error
    return [signing.open_signer(uri, public=public) for uri in args.keys]
