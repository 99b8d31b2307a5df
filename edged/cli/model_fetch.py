"""``edged model fetch``: get a public model of the catalogue onto this device, try it, and put it into use."""

import argparse
import subprocess
import sys
from pathlib import Path
from typing import Any

import msgspec
from msgspec import Struct

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
from edged.cli.progress import ProgressBar
from edged.cli.verbs import add_verb, print_result
from edged.clock import SystemClock
from edged.config.codec import decode_path, encode_path
from edged.config.load import load_config
from edged.config.problems import InvalidConfigError, Problem
from edged.config.settings import ModelSettings, Settings
from edged.errors import CatalogueError, EdgedError
from edged.host.drop_in import DropIn
from edged.host.ownership import Owner, find_owner
from edged.host.paths import catalogue_dir, state_dir
from edged.selftest.process import self_test_model
from edged.terminal.rows import format_rows


class FetchReport(Struct, frozen=True, kw_only=True):
    """The result of the command.

    Attributes:
        model: the model and its files.
        family: the model family that decodes its outputs, as the self-test found it.
        labels: its labels.
        changed: a file was downloaded, or the configuration changed.
        drop_in: the file that puts it into use; None without ``--use``.
        reloaded: a running daemon has taken the configuration.
        warnings: what may be a mistake in the configuration.
    """

    model: FetchedModel
    family: str
    labels: tuple[str, ...]
    changed: bool
    drop_in: Path | None = None
    reloaded: bool = False
    warnings: tuple[Problem, ...] = ()


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
    report = _fetch_as(owner, args) if owner else _fetch(args, catalogue, entry, settings)
    if args.use:
        report = _use(report, DropIn(args.config, DROP_IN_NAME), settings)
    packed = msgspec.json.encode(report, enc_hook=encode_path)
    return print_result(args, msgspec.Raw(packed), "\n".join(_format_report(report)))


def _load_settings(args: argparse.Namespace) -> Settings:
    """Return the settings; the defaults if they only name the folder, and there is no configuration yet."""
    if not args.use and (args.to or (args.config == DEFAULT_CONFIG and not args.config.exists())):
        return Settings()
    return load_config(args.config).settings


def _fetch(
    args: argparse.Namespace, catalogue: Catalogue, entry: CatalogueEntry, settings: Settings
) -> FetchReport:
    folder = args.to or catalogue_dir(settings)
    fetcher = ModelFetcher(folder=folder.absolute(), origin=args.origin)
    labels = catalogue.find_label_list(entry)
    with ProgressBar(sys.stderr) as bar:

        def track_file(name: str) -> Any:
            return lambda have, total: bar.show(
                f"{name} {have // 1024} KiB", have / (total or have)
            )

        files = fetcher.fetch(entry, args.variant, track_file, label_list=labels)
        bar.show("self-test", 1.0)
        model = FetchedModel(entry=entry, variant=args.variant, files=files)
        return _try_model(model, model.settings, is_new=any(file.downloaded for file in files))


def _try_model(model: FetchedModel, settings: ModelSettings, *, is_new: bool) -> FetchReport:
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
    return FetchReport(model=model, family=tested.family, labels=tested.labels, changed=is_new)


def _fetch_as(owner: Owner, args: argparse.Namespace) -> FetchReport:
    """Fetch as the user of the daemon, in a process of that user's: root writes into no folder that others may change."""
    command = [sys.executable, "-P", "-m", "edged", "model", "fetch", args.name, "--json"]
    command += ["-c", str(args.config.absolute()), "--catalogue", str(args.catalogue.absolute())]
    command += ["--from", args.origin] if args.origin else []
    command += ["--edgetpu"] if args.variant == "edgetpu" else []
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


def _use(report: FetchReport, drop_in: DropIn, settings: Settings) -> FetchReport:
    """Put a model into use that has passed its self-test.

    Raises:
        InvalidConfigError: the configuration with it could not be used, or contradicts it; nothing was changed.
        CatalogueError: the drop-in is not edged's, the model cannot run as configured, or the daemon does not take it.
    """
    model = report.model
    text = make_drop_in_text(model, drop_in)
    loaded = drop_in.load(text)
    contradictions = tuple(find_contradictions(model, loaded))
    if contradictions:
        raise InvalidConfigError(loaded.layers.locate_problems(contradictions))
    labels = check_labels(loaded.settings)
    if labels.problems:
        raise InvalidConfigError(loaded.layers.locate_problems(labels.problems))
    if drop_in.read() == text:
        return _with_use(report, drop_in, loaded.layers.locate_problems(labels.warnings))
    _try_model(model, loaded.settings.model, is_new=False)
    drop_in.write(text)
    reloaded = reload_daemon(state_dir(settings), model.path, SystemClock())
    used = _with_use(report, drop_in, loaded.layers.locate_problems(labels.warnings))
    return msgspec.structs.replace(used, changed=True, reloaded=reloaded)


def _with_use(report: FetchReport, drop_in: DropIn, warnings: tuple[Problem, ...]) -> FetchReport:
    return msgspec.structs.replace(report, drop_in=drop_in.path.absolute(), warnings=warnings)


def _format_report(report: FetchReport) -> list[str]:
    model = report.model
    rows = [("model", f"{model.entry.name}, {model.entry.licence}")]
    for file in model.files:
        status = "downloaded" if file.downloaded else "already present"
        rows.append(("file", f"{file.path}, {file.bytes} bytes, {status}"))
    rows.append(("self-test", f"passed: family {report.family}, {len(report.labels)} labels"))
    rows.append(("for a camera", ", ".join(model.entry.camera_labels) or "all its labels"))
    if report.drop_in:
        daemon = (
            "the daemon runs it now" if report.reloaded else "the daemon runs it when it starts"
        )
        rows.append(("in use by", f"{report.drop_in}; {daemon}"))
    else:
        rows.append(("to use it", f"edged model fetch {model.entry.name} --use"))
    rows += [("warning", str(warning)) for warning in report.warnings]
    return format_rows(rows)
