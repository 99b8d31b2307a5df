"""``edged trust``: keys, the trust file that says whose signatures count, and the desired state of a channel."""

import argparse
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
)
from edged.cli.verbs import add_verb, print_result
from edged.config.load import load_config
from edged.errors import ConfigError, TrustError
from edged.host.files import LocalFileSystem, replace_file
from edged.host.ownership import become_owner
from edged.host.paths import model_store_dir
from edged.updates.bundle import signing
from edged.updates.bundle.trust import verify_trust_file
from edged.updates.bundle.trust_chain import CHAIN_NAME, load_chain, save_chain

_FILES = LocalFileSystem()


def add_parser(subparsers: Any) -> None:
    """Add this command to the command line."""
    parser = subparsers.add_parser(
        "trust",
        help="make keys, and say whose signatures a device believes",
        description="Makes keys, trust files and desired states on a workstation, and gives a device a new trust file.",
    )
    verbs = parser.add_subparsers(metavar="VERB", required=True)
    key = add_verb(
        verbs, "key", _key, "make a pair of keys: NAME.pem, which stays secret, and NAME.pub"
    )
    key.add_argument("name", type=Path, metavar="NAME")
    add_create_verb(verbs)
    add_desired_verb(verbs)
    _add_sign_verb(verbs)
    show = add_verb(verbs, "show", _show, "show a trust file or a desired state, and who signed it")
    show.add_argument("file", type=Path, metavar="FILE")
    show.add_argument(
        "--trust",
        type=Path,
        metavar="FILE",
        help="say whether a device that has this trust file would take it",
    )
    update = add_verb(verbs, "update", _update, "give this device a newer trust file")
    update.add_argument(
        "files",
        type=Path,
        nargs="+",
        metavar="FILE",
        help="if several versions were missed: all of them, oldest first",
    )
    add_config_option(update)


def _add_sign_verb(verbs: Any) -> None:
    parser = add_verb(verbs, "sign", _sign, "add a signature to a trust file or a desired state")
    parser.add_argument("file", type=Path, metavar="FILE")
    add_signing_options(parser, required=True)


def _key(args: argparse.Namespace) -> int:
    key = signing.generate_key_pair(args.name)
    made = {"id": key.id, "private": f"{args.name}.pem", "public": f"{args.name}.pub"}
    return print_result(
        args, made, f"{made['private']} (keep it secret) and {made['public']}: key {key.id}"
    )


def _sign(args: argparse.Namespace) -> int:
    content = read_document(args.file)
    make_envelope_report(args.file, content)  # nothing else is signed with these keys
    replace_file(_FILES, args.file, signing.add_signatures(content, open_signers(args)))
    return print_document(args, args.file)


def _show(args: argparse.Namespace) -> int:
    return print_document(
        args,
        args.file,
        current_trust=verify_trust_file(read_document(args.trust)) if args.trust else None,
    )


def _update(args: argparse.Namespace) -> int:
    """Only forwards, each version by the one before it; what is in force already is no error, so that this can be run again."""
    settings = load_config(args.config).settings
    if settings.updates.trust is None:
        raise ConfigError("updates.trust is not set: name the first trust file there")
    stored = model_store_dir(settings) / CHAIN_NAME
    chain = before = load_chain(settings.updates.trust, stored, _FILES)
    for file in args.files:
        content = read_document(file)
        given = verify_trust_file(content)
        chain = chain.extend(content)
    if chain.trust != given:
        raise TrustError(
            f"{file} is not taken: version {given.version} cannot follow {chain.trust.version}"
        )
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
    was = f", {before.trust.version} was until now" if changed else " already"
    return print_result(args, answer, f"trust file {chain.trust.version} is in force{was}")
