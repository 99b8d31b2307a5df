"""The options ``--key URI`` and ``--public FILE`` of the commands that sign."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from edged.errors import ConfigError
from edged.text import read_content
from edged.updates.bundle import signing
from edged.updates.bundle.keys import decode_public_key

if TYPE_CHECKING:
    from securesystemslib.signer import Signer


def add_signing_options(parser: argparse.ArgumentParser, *, required: bool) -> None:
    """Add the options; `open_signers` reads them."""
    parser.add_argument(
        "--key",
        action="append",
        default=[],
        required=required,
        dest="keys",
        metavar="URI",
        help="signing key: NAME.pem, or a URI of securesystemslib: hsm:, awskms:, gcpkms:, ...; may be repeated",
    )
    parser.add_argument(
        "--public",
        type=Path,
        metavar="FILE",
        help="public key (PEM) of a signing key that is not in a file",
    )


def open_signers(args: argparse.Namespace) -> list[Signer]:
    """Open the signing keys that the options name, before any work is done.

    Raises:
        ConfigError: the public key cannot be read.
        UpdateError: a key does not exist, or its service does not answer.
    """
    public = None
    if args.public:
        try:
            public = decode_public_key(read_content(args.public), name=args.public.stem)
        except OSError as error:
            raise ConfigError(
                f"--public: cannot read {args.public}: {error.strerror or error}"
            ) from error
    return [signing.open_signer(uri, public=public) for uri in args.keys]
