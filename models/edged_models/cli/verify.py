"""``edged-models verify``: is the bundled model what it says it is?"""

import argparse
import time
from pathlib import Path
from typing import Any

from msgspec import Struct

from edged_models import bundled
from edged_models.console import add_json_option, print_result, progress_bar


class VerifyResult(Struct, frozen=True, kw_only=True):
    """Everything that was looked at.

    Attributes:
        folder: of the models.
        ok: whether all of it is as it should be.
        checks: one by one: ``what``, ``ok``, ``found``.
        seconds: how long it took.
    """

    folder: Path
    ok: bool
    checks: tuple[Any, ...]
    seconds: float


def add_parser(subparsers: Any) -> None:
    """Add this command to the command line."""
    parser = subparsers.add_parser(
        "verify",
        help="check where the bundled models come from",
        description="Checks digests, that weights, journal and start belong together, that the recipe still draws the same scenes, and that the "
        "models made anew are the same to the byte. Exits with 1 if anything is not so.",
    )
    parser.add_argument("folder", type=Path, nargs="?", default=bundled.FOLDER, metavar="FOLDER")
    parser.add_argument("--quick", action="store_true", help="digests and history only")
    parser.add_argument(
        "--train", action="store_true", help="do the first steps of the training again as well"
    )
    add_json_option(parser)
    parser.set_defaults(func=run, usage=parser.error)


def run(args: argparse.Namespace) -> int:
    """Check.

    Returns:
        0 if all is as it should be, else 1.

    Raises:
        SourceError: there is no provenance, or a file is unreadable.
    """
    if args.quick and args.train:
        args.usage("--quick leaves out what --train asks for")
    from edged_models.release import verify as verifying
    from edged_models.release.provenance import read_provenance

    began_s = time.perf_counter()
    provenance = read_provenance(args.folder)
    checks = []
    with progress_bar() as progress:
        task = progress.add_task("verify", total=None)

        def heard(check: verifying.ReleaseCheck) -> None:
            checks.append(check)
            progress.update(task, advance=1, note=check.name)

        for check in verifying.check_files(args.folder, provenance):
            heard(check)
        if all(check.ok for check in checks):
            for check in verifying.check_history(args.folder, provenance):
                heard(check)
            if not args.quick:
                heard(verifying.check_scenes(provenance))
                for check in verifying.check_models(args.folder, provenance):
                    heard(check)
            if args.train:
                heard(verifying.check_training(args.folder, provenance))
    result = VerifyResult(
        folder=args.folder,
        ok=all(check.ok for check in checks),
        checks=tuple(checks),
        seconds=round(time.perf_counter() - began_s, 1),
    )
    print_result(args, result, _format_lines(result))
    return 0 if result.ok else 1


def _format_lines(result: VerifyResult) -> list[str]:
    lines = [
        f"{'ok ' if check.ok else 'NOT'}  {check.name}{f' ({check.detail})' if check.detail else ''}"
        for check in result.checks
    ]
    verdict = "all is as it says" if result.ok else "it is not what it says"
    return [*lines, f"{result.folder}: {verdict}; took {result.seconds:.1f} s"]
