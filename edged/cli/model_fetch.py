"""``edged model fetch``: get a public model of the catalogue onto this device, try it, and put it into use."""

import argparse
import subprocess
import sys
from pathlib import Path
from typing import Any

import msgspec

from edged.catalogue.catalogue import Catalogue, CatalogueEntry, read_catalogue
from edged.catalogue.fetch import ModelFetcher
from edged.catalogue.origin import parse_origin
from edged.catalogue.reload import reload_daemon
from edged.catalogue.use import (
    DROP_IN_NAME,
    FetchedModel,
    find_contradictions,
    make_drop_in_text,
)
from edged.checks.labels import check_labels
from edged.cli.config_option import DEFAULT_CONFIG, add_config_option
from edged.cli.model_catalogue import add_catalogue_option
from edged.cli.model_fetch_report import FetchReport, format_report
from edged.cli.progress import ProgressBar
from edged.cli.verbs import add_verb, print_result
from edged.clock import SystemClock
from edged.config.codec import decode_path, encode_path
from edged.config.load import LoadedConfig, load_config
from edged.config.problems import InvalidConfigError, Problem
from edged.config.settings import ModelSettings, Settings
from edged.errors import CatalogueError, EdgedError
from edged.host.drop_in import DropIn
from edged.host.ownership import Owner, find_owner
from edged.host.paths import catalogue_dir, state_dir
from edged.selftest.process import self_test_model


def add_parser(verbs: Any) -> None:
    """Add this verb to ``edged model``."""
    parser = add_verb(verbs, "fetch", run, "download a public model, verify it and try it")
    parser.description = (
        "Downloads a model of the catalogue into the state directory, verifies its sha256, and runs it in a sandboxed process."
        " An interrupted download is resumed by the next run. With --use the daemon runs it from then on."
    )
    parser.epilog = (
        "Exit codes: 0 done; 1 failed, and the configuration is as it was before; 2 usage error."
    )
    parser.add_argument("name", metavar="NAME", help="a name of `edged model catalogue`")
    parser.add_argument(
        "--use",
        action="store_true",
        help=f"put it into use: write conf.d/{DROP_IN_NAME} beside the configuration file, and reload a running daemon",
    )
    parser.add_argument(
        "--from",
        dest="origin",
        metavar="FILE|URL|MIRROR",
        help="the model's file, or a folder or its URL that has the files under their original names",
    )
    parser.add_argument(
        "--edgetpu",
        action="store_const",
        const="edgetpu",
        default="cpu",
        dest="variant",
        help="the variant for a Coral EdgeTPU",
    )
    parser.add_argument(
        "--to",
        type=Path,
        metavar="DIR",
        help="folder for the files; default: catalogue in the state directory",
    )
    parser.add_argument("--prepare", action="store_true", help=argparse.SUPPRESS)
    add_config_option(parser)
    add_catalogue_option(parser)


def run(args: argparse.Namespace) -> int:
    """Fetch a model, try it, and put it into use if wanted.

    Raises:
        CatalogueError: there is no such model, it cannot be downloaded, or it cannot be put into use.
        ModelError: the model fails the self-test.
        ConfigError: the configuration cannot be read or written, or does not fit the model.
    """
    catalogue = read_catalogue(args.catalogue)
    (entry,) = catalogue.select([args.name])
    entry.get_file(args.variant)
    args.origin = args.origin and parse_origin(args.origin)
    settings = _load_settings(args)
    owner = None if args.to else find_owner(state_dir(settings))
    report = _prepare_as(owner, args) if owner else _prepare(args, catalogue, entry, settings)
    if args.use and not args.prepare:
        report = _use(report, DropIn(args.config, DROP_IN_NAME), settings)
    packed = msgspec.json.encode(report, enc_hook=encode_path)
    return print_result(args, msgspec.Raw(packed), "\n".join(format_report(report)))


def _load_settings(args: argparse.Namespace) -> Settings:
    """Return the settings; the defaults if they only name the folder, and there is no configuration yet."""
    if not args.use and (args.to or (args.config == DEFAULT_CONFIG and not args.config.exists())):
        return Settings()
    return load_config(args.config).settings


def _prepare(
    args: argparse.Namespace, catalogue: Catalogue, entry: CatalogueEntry, settings: Settings
) -> FetchReport:
    """Fetch a model and run it in the sandbox; with ``--use`` also as the configuration would run it."""
    model = _fetch(args, catalogue, entry, settings)
    report = _try_model(model, model.settings)
    if args.use:
        drop_in = DropIn(args.config, DROP_IN_NAME)
        text, loaded, _ = _check_use(model, drop_in)
        if drop_in.read() != text:
            _try_model(model, loaded.settings.model)
    return report


def _fetch(
    args: argparse.Namespace, catalogue: Catalogue, entry: CatalogueEntry, settings: Settings
) -> FetchedModel:
    folder = args.to or catalogue_dir(settings)
    fetcher = ModelFetcher(folder=folder.absolute(), origin=args.origin)
    labels = catalogue.find_label_list(entry)
    with ProgressBar(sys.stderr) as bar:

        def track_file(name: str) -> Any:
            return lambda have, total: bar.show(
                f"{name} {have // 1024} KiB", have / (total or have)
            )

        files = fetcher.fetch(entry, args.variant, track_file, label_list=labels)
    return FetchedModel(entry=entry, variant=args.variant, files=files)


def _try_model(model: FetchedModel, settings: ModelSettings) -> FetchReport:
    """Run the model in the sandbox.

    Raises:
        CatalogueError: it fails.
    """
    try:
        tested = self_test_model(settings)
    except EdgedError as error:
        raise CatalogueError(
            f"{model.entry.name} is downloaded, but cannot run here: {error}"
        ) from error
    is_new = any(file.downloaded for file in model.files)
    return FetchReport(model=model, family=tested.family, labels=tested.labels, changed=is_new)


def _prepare_as(owner: Owner, args: argparse.Namespace) -> FetchReport:
    """Prepare as the user of the daemon, in a process of that user's: root writes into no folder that others may change, and runs no model."""
    command = [sys.executable, "-P", "-m", "edged", "model", "fetch", args.name, "--json"]
    command += ["-c", str(args.config.absolute()), "--catalogue", str(args.catalogue.absolute())]
    command += ["--from", args.origin] if args.origin else []
    command += ["--edgetpu"] if args.variant == "edgetpu" else []
    command += ["--use", "--prepare"] if args.use else []
    try:
        done = subprocess.run(
            command,
            stdout=subprocess.PIPE,
            user=owner.uid,
            group=owner.gid,
            extra_groups=owner.groups,
            cwd="/",
            check=False,
        )
    except OSError as error:
        raise CatalogueError(
            f"edged cannot be run as the owner of the state directory (user {owner.uid}): {error}"
        ) from error
    if done.returncode:
        if args.json:
            sys.stdout.write(done.stdout.decode())
        raise SystemExit(done.returncode)  # it has reported its error
    return msgspec.json.decode(done.stdout, type=FetchReport, dec_hook=decode_path)


def _check_use(
    model: FetchedModel, drop_in: DropIn
) -> tuple[str, LoadedConfig, tuple[Problem, ...]]:
    """Return the drop-in that puts a model into use, the configuration with it, and what may be a mistake in that.

    Raises:
        InvalidConfigError: the configuration could not be used, or contradicts the model.
        CatalogueError: the drop-in is not edged's.
    """
    text = make_drop_in_text(model, drop_in)
    loaded = drop_in.load(text)
    labels = check_labels(loaded.settings)
    problems = tuple(find_contradictions(model, loaded)) or labels.problems
    if problems:
        raise InvalidConfigError(loaded.layers.locate_problems(problems))
    return text, loaded, loaded.layers.locate_problems(labels.warnings)


def _use(report: FetchReport, drop_in: DropIn, settings: Settings) -> FetchReport:
    """Put a model into use that has passed its self-test.

    Raises:
        InvalidConfigError: the configuration with it could not be used, or contradicts it; nothing was changed.
        CatalogueError: the drop-in is not edged's, or the daemon does not take it.
    """
    text, _, warnings = _check_use(report.model, drop_in)
    has_changed = drop_in.write(text)
    return msgspec.structs.replace(
        report,
        drop_in=drop_in.path.absolute(),
        warnings=warnings,
        changed=report.changed or has_changed,
        reloaded=has_changed
        and reload_daemon(state_dir(settings), report.model.path, SystemClock()),
    )
