"""``edged model personalise``: teach a classifier on this device, and install the result like any update."""

from __future__ import annotations

import argparse
import sys
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

from edged.authoring.bundle_spec import ManifestDetails
from edged.cli.bundle_create import read_details
from edged.cli.config_option import add_config_option
from edged.cli.model_personalise_bundle import LocalBundle, is_installed
from edged.cli.model_personalise_report import PersonaliseResult, describe_refusal, format_result
from edged.cli.progress import ProgressBar
from edged.cli.signing_option import add_signing_options, open_signers
from edged.cli.verbs import add_verb, print_result
from edged.config.load import load_config
from edged.config.settings import ModelSettings, Settings
from edged.errors import ConfigError, EdgedError, UpdateError
from edged.host.files import LocalFileSystem, replace_file
from edged.host.ownership import become_owner
from edged.host.paths import model_store_dir, state_dir
from edged.personalise.learn import learn
from edged.personalise.learning_pictures import LearningPictures, read_learning_pictures
from edged.personalise.report import LearningReport
from edged.selftest.process import self_test_model
from edged.terminal.numbers import integer_in_range
from edged.updates.rules.ledger import DeploymentRequest
from edged.updates.service.control_messages import InstallRequest, StatusRequest
from edged.updates.service.model_control import connect
from edged.updates.service.repository import check_updates_allowed

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from securesystemslib.signer import Signer

_STEPS = 300
_MAX_SEED = 2**32 - 1
_BUNDLE_NAME = "personalised.edgem"


def add_parser(verbs: Any) -> None:
    """Add this verb to ``edged model``."""
    parser = add_verb(verbs, "personalise", run, "teach a classifier your own classes")
    parser.description = (
        "Trains the last layer of a classifier on this device, with a few pictures of each class, and installs the result: it has a"
        " self-test and a trial, and is undone by `edged model rollback`. `edged model wait` waits for the outcome."
    )
    parser.epilog = "Exit codes: 0 done, or the deployment has begun; 1 failed, and nothing is installed; 2 usage error."
    _add_file_options(parser)
    _add_training_options(parser)
    add_signing_options(parser, required=False)
    add_config_option(parser)


def _add_file_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "folder", type=Path, metavar="FOLDER", help="pictures, in a subfolder for each class"
    )
    parser.add_argument(
        "--model",
        type=Path,
        metavar="FILE",
        help="a model made by `edged-models personalise`; default: the installed model, if it is one",
    )
    parser.add_argument(
        "--out", type=Path, metavar="FILE", help="write the new model there, and install nothing"
    )
    parser.add_argument(
        "--manifest",
        type=Path,
        metavar="FILE",
        help="TOML file with [probation], [budgets] and [thresholds], as of `edged bundle create`; without [probation] the trial compares no answers with the old model's, since they are meant to differ",
    )


def _add_training_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--steps",
        type=integer_in_range(min_value=1, max_value=100_000),
        default=_STEPS,
        metavar="N",
        help=f"steps of training; default: {_STEPS}",
    )
    parser.add_argument(
        "--seed",
        type=integer_in_range(min_value=0, max_value=_MAX_SEED),
        default=0,
        metavar="N",
        help="another one draws other batches; default: 0",
    )
    parser.add_argument(
        "--even-if-worse",
        action="store_true",
        help="also if the new model classifies fewer held-out pictures correctly than the old one, or no more than guessing would",
    )


def run(args: argparse.Namespace) -> int:
    """Learn, and install the result.

    Raises:
        ConfigError: the pictures or the configuration cannot be used, or the new model is worse.
        ModelError: the model cannot learn.
        UpdateError: there is no key, or the model cannot be installed.
    """
    settings = load_config(args.config).settings
    _check_allowed(args, settings)
    details = read_details(args.manifest) if args.manifest else ManifestDetails()
    # The key is root's; everything else is done as the user of the daemon.
    signers = open_signers(args)
    folder = state_dir(settings)
    become_owner(folder)
    with ProgressBar(sys.stderr) as bar, _scratch_folder(folder) as scratch:
        pictures = read_learning_pictures(args.folder)
        new = scratch / "model.tflite"
        report = _learn(args, settings, pictures, new, bar)
        if not (report.is_better or args.even_if_worse):
            raise ConfigError(describe_refusal(report))
        if args.out:
            result = _write(new, args.out, report)
        else:
            bar.show("installing", 1.0)
            result = _install(settings, report, LocalBundle(new, pictures, details), signers)
    return print_result(args, result, format_result(result))


def _check_allowed(args: argparse.Namespace, settings: Settings) -> None:
    if args.out:
        return
    check_updates_allowed(settings)
    if not args.keys:
        raise UpdateError(
            "the new model must be signed with this device's own key: name it by --key (`edged trust key` makes one), or use --out"
        )
    if settings.updates.local_key is None:
        raise UpdateError(
            "this device accepts no model of its own: name its public key by updates.local_key, or use --out"
        )


@contextmanager
def _scratch_folder(parent: Path) -> Iterator[Path]:
    """Provide a folder on the disk of the state directory, and remove it at the end.

    Raises:
        ConfigError: it cannot be written, or the disk is full.
    """
    try:
        with TemporaryDirectory(prefix=".personalise-", dir=parent) as scratch:
            yield Path(scratch)
    except EdgedError:
        raise
    except OSError as error:
        raise ConfigError(f"cannot write in {parent}: {error.strerror or error}") from error


def _learn(
    args: argparse.Namespace,
    settings: Settings,
    pictures: LearningPictures,
    new: Path,
    bar: ProgressBar,
) -> LearningReport:
    old = args.model or _find_installed_model(settings)
    model = ModelSettings(path=old.absolute(), runtime=settings.model.runtime)
    bar.show("testing the model", 0.0)
    self_test_model(model)  # before it is loaded here, because a bad file can crash its process
    return learn(
        model,
        pictures,
        new,
        steps=args.steps,
        seed=args.seed,
        on_progress=bar.show,
    )


def _find_installed_model(settings: Settings) -> Path:
    path = model_store_dir(settings) / "current" / "model.tflite"
    if not path.exists():
        raise ConfigError("no model is installed that could learn: name one by --model")
    return path


def _write(new: Path, out: Path, report: LearningReport) -> PersonaliseResult:
    content = new.read_bytes()
    is_same = out.is_file() and out.read_bytes() == content
    if not is_same:
        replace_file(LocalFileSystem(), out.absolute(), content)
    return PersonaliseResult(learning=report, model=str(out), changed=not is_same)


def _install(
    settings: Settings, report: LearningReport, spec: LocalBundle, signers: Sequence[Signer]
) -> PersonaliseResult:
    with connect(settings, on_progress=lambda _text, _fraction: None) as control:
        status = control.execute(StatusRequest()).status
        if is_installed(status, spec.model):
            return PersonaliseResult(learning=report)
        if status.deployment is not None:  # it may still read the bundle of the run before
            raise UpdateError(
                f"the deployment {status.deployment.id} is in progress: wait for it (`edged model wait`), or cancel it (`edged model rollback`)"
            )
        bundle = state_dir(settings) / _BUNDLE_NAME
        spec.write(status, bundle, signers)
        request = DeploymentRequest(source=str(bundle))
        response = control.execute(InstallRequest(request=request))
    if response.error:
        raise UpdateError(response.error)
    return PersonaliseResult(
        learning=report, bundle=str(bundle), deployment=response.id, changed=True
    )
