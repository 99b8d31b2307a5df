"""``edged-models verify``: check the bundled models against their provenance."""

import argparse
import time
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from msgspec import Struct

from edged_models import bundled
from edged_models.console import add_json_option, print_result, progress_bar

if TYPE_CHECKING:
    from edged_models.release.verify import ReleaseCheck


class VerifyResult(Struct, frozen=True, kw_only=True):
    """Result of the command.

    Attributes:
        folder: folder of the models.
        ok: whether all checks passed.
        checks: the checks, each a `ReleaseCheck` with ``name``, ``ok`` and ``detail``.
        seconds: duration of the command.
    """

    folder: Path
    ok: bool
    checks: tuple[Any, ...]
    seconds: float


def add_parser(subparsers: Any) -> None:
    """Add this command to the command line."""
    parser = subparsers.add_parser(
        "verify",
        help="check the bundled models against their provenance",
        description="Checks the digests of the files, that weights, journal and start belong together, that the scenes are still "
        "drawn alike, and that converting the weights again gives the same models, byte for byte. Exits with 1 if a check fails.",
    )
    parser.add_argument(
        "folder",
        type=Path,
        nargs="?",
        default=bundled.FOLDER,
        metavar="FOLDER",
        help="folder of the models (default: the bundled models of the checkout)",
    )
    _add_scope_options(parser)
    add_json_option(parser)
    parser.set_defaults(func=run, usage=parser.error)


def _add_scope_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--quick", action="store_true", help="check only digests and the training's journal"
    )
    parser.add_argument(
        "--train", action="store_true", help="repeat the first steps of the training too"
    )


def run(args: argparse.Namespace) -> int:
    """Run all checks and print them.

    Returns:
        0 if all checks passed, else 1.

    Raises:
        SourceError: there is no provenance, or a file cannot be read.
    """
    if args.quick and args.train:
        args.usage("--quick and --train exclude each other")
    began_s = time.perf_counter()
    checks = _collect_checks(args)
    result = VerifyResult(
        folder=args.folder,
        ok=all(check.ok for check in checks),
        checks=checks,
        seconds=round(time.perf_counter() - began_s, 1),
    )
    print_result(args, result, _format_lines(result))
    return 0 if result.ok else 1


def _collect_checks(args: argparse.Namespace) -> "tuple[ReleaseCheck, ...]":
    checks: list[ReleaseCheck] = []
    with progress_bar() as progress:
        task = progress.add_task("verify", total=None)
        for check in _run_checks(args):
            checks.append(check)
            progress.update(task, advance=1, note=check.name)
    return tuple(checks)


def _run_checks(args: argparse.Namespace) -> "Iterator[ReleaseCheck]":
    """Yield the checks one after the other; if a file is damaged, only those of the files."""
    from edged_models.release import verify
    from edged_models.release.provenance import read_provenance

    provenance = read_provenance(args.folder)
    files_ok = True
    for check in verify.check_files(args.folder, provenance):
        files_ok = files_ok and check.ok
        yield check
    if not files_ok:
        return
    yield from verify.check_history(args.folder, provenance)
    if not args.quick:
        yield verify.check_scenes(provenance)
        yield from verify.check_models(args.folder, provenance)
    if args.train:
        yield verify.check_training(args.folder, provenance)


def _format_lines(result: VerifyResult) -> list[str]:
    lines = [
        f"{'ok  ' if check.ok else 'FAIL'}  {check.name}{f' ({check.detail})' if check.detail else ''}"
        for check in result.checks
    ]
    verdict = "verified" if result.ok else "not verified"
    return [*lines, f"{result.folder}: {verdict}; took {result.seconds:.1f} s"]
