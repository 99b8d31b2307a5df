"""``edged trust``: make keys, trust files and desired states, and update the trust file of a device."""

import argparse
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from edged.cli.config_option import add_config_option
from edged.cli.envelope_report import make_envelope_report
from edged.cli.signing_option import add_signing_options, open_signers
from edged.cli.trust_documents import (
    add_create_verb,
    add_desired_verb,
    print_document,
    read_document,
    show_document,
)
from edged.cli.verbs import add_verb, naming_file, print_result
from edged.config.load import load_config
from edged.errors import ConfigError, TrustError
from edged.host.files import LocalFileSystem, replace_file
from edged.host.ownership import become_owner
from edged.host.paths import model_store_dir
from edged.updates.bundle import signing
from edged.updates.bundle.trust import verify_trust_file
from edged.updates.bundle.trust_chain import CHAIN_NAME, TrustChain, load_chain, save_chain

_FILES = LocalFileSystem()


def add_parser(subparsers: Any) -> None:
    """Add this command to the command line."""
    parser = subparsers.add_parser(
        "trust",
        help="make keys and trust files, and update the trust file of this device",
        description="Makes keys, trust files and desired states on a workstation, and installs a new trust file on a device.",
    )
    verbs = parser.add_subparsers(metavar="VERB", required=True)
    _add_key_verb(verbs)
    add_create_verb(verbs)
    add_desired_verb(verbs)
    _add_sign_verb(verbs)
    _add_show_verb(verbs)
    _add_update_verb(verbs)


def _add_key_verb(verbs: Any) -> None:
    parser = add_verb(
        verbs, "key", _key, "make a key pair: NAME.pem, to be kept secret, and NAME.pub"
    )
    parser.add_argument("name", type=Path, metavar="NAME", help="path without a suffix")


def _add_sign_verb(verbs: Any) -> None:
    parser = add_verb(verbs, "sign", _sign, "add a signature to a trust file or a desired state")
    parser.add_argument("file", type=Path, metavar="FILE", help="the document")
    add_signing_options(parser, required=True)


def _add_show_verb(verbs: Any) -> None:
    parser = add_verb(
        verbs,
        "show",
        _show,
        "show a trust file or a desired state, and its signatures; exit with 1 if it is not accepted",
    )
    parser.add_argument("file", type=Path, metavar="FILE", help="the document")
    parser.add_argument(
        "--trust",
        type=Path,
        metavar="FILE",
        help="also report whether a device with this trust file accepts the document",
    )


def _add_update_verb(verbs: Any) -> None:
    parser = add_verb(verbs, "update", _update, "install a newer trust file on this device")
    parser.add_argument(
        "files",
        type=Path,
        nargs="+",
        metavar="FILE",
        help="the newer trust file; if several versions were missed, all of them, oldest first",
    )
    add_config_option(parser)


def _key(args: argparse.Namespace) -> int:
    key = signing.generate_key_pair(args.name)
    answer = {"id": key.id, "private": f"{args.name}.pem", "public": f"{args.name}.pub"}
    return print_result(
        args, answer, f"{answer['private']} (keep it secret) and {answer['public']}: key {key.id}"
    )


def _sign(args: argparse.Namespace) -> int:
    content = read_document(args.file)
    make_envelope_report(args.file, content)  # refuses documents of any other type
    replace_file(_FILES, args.file, signing.add_signatures(content, open_signers(args)))
    return print_document(args, args.file)


def _show(args: argparse.Namespace) -> int:
    current_trust = None
    if args.trust:
        with naming_file(args.trust):
            current_trust = verify_trust_file(read_document(args.trust))
    return show_document(args, args.file, current_trust=current_trust)


def _update(args: argparse.Namespace) -> int:
    """Install newer trust files, each verified by the one before it; a version already installed is no error, so the command can be repeated."""
    settings = load_config(args.config).settings
    if settings.updates.trust is None:
        raise ConfigError("updates.trust is not set: set it to the path of the first trust file")
    stored = model_store_dir(settings) / CHAIN_NAME
    before = load_chain(settings.updates.trust, stored, _FILES)
    chain = _extend_chain(before, args.files)
    changed = chain is not before
    if changed:
        become_owner(stored.parent.parent)
        save_chain(chain, stored, _FILES)
    answer = {
        "changed": changed,
        "version": chain.trust.version,
        "was": before.trust.version,
        "file": str(stored),
    }
    previous = f"; it replaces version {before.trust.version}" if changed else " already"
    return print_result(
        args, answer, f"trust file version {chain.trust.version} is in force{previous}"
    )


def _extend_chain(chain: TrustChain, files: Iterable[Path]) -> TrustChain:
    for file in files:
        content = read_document(file)
        with naming_file(file):
            trust = verify_trust_file(content)
            chain = chain.extend(content)
    if chain.trust != trust:
        raise TrustError(
            f"{file} is rejected: version {trust.version} cannot follow version {chain.trust.version}"
        )
    return chain
