"""``edged check``: report every problem of a configuration."""

import argparse
import sys
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec

from edged.checks.labels import LabelProblems, check_labels
from edged.checks.libraries import check_libraries, check_service_libraries
from edged.checks.smoke import run_smoke_check
from edged.cli.config_option import add_config_option
from edged.clock import SystemClock
from edged.config.input_files import check_input_files, check_secret_files, check_written_files
from edged.config.load import LoadedConfig, load_config
from edged.config.problems import InvalidConfigError, KeyProblem, Problem
from edged.terminal.escape import one_line


@dataclass(frozen=True, slots=True, kw_only=True)
class ConfigCheckResult:
    """The result of a check.

    Attributes:
        problems: what must be fixed.
        warnings: what may be a mistake.
        loaded_config: the configuration; None if it is invalid.
    """

    problems: Sequence[Problem]
    warnings: Sequence[Problem] = ()
    loaded_config: LoadedConfig | None = None


def add_parser(subparsers: Any) -> None:
    """Add this command to the command line."""
    parser = subparsers.add_parser(
        "check",
        help="check a configuration and report every problem",
        description="Checks a configuration and the files that it names. "
        "Prints one problem per line. Exits with 1 if there is a problem; warnings do not count.",
    )
    add_config_option(parser)
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    parser.add_argument("--verbose", action="store_true", help="print the details of each problem")
    parser.add_argument(
        "--try",
        action="store_true",
        dest="smoke_check",
        help="also run the model, grab a frame from each camera, and connect to the broker; "
        "stop the daemon first, because it holds the cameras",
    )
    parser.set_defaults(func=run)


def run(args: argparse.Namespace) -> int:
    """Check the configuration and print the result; return 1 if there is a problem."""
    result = check_config(args.config, smoke_check=args.smoke_check)
    if args.json:
        sys.stdout.write(_format_json(result) + "\n")
    else:
        for problem in result.problems:
            print("\n    ".join((str(problem), *map(one_line, problem.details * args.verbose))))
        for warning in result.warnings:
            print(f"warning: {warning}")
        if result.loaded_config and not result.problems:
            print(one_line(_format_summary(result.loaded_config)))
    return 1 if result.problems else 0


def check_config(config: Path, *, smoke_check: bool = False) -> ConfigCheckResult:
    """Check a configuration and the files that it names; with `smoke_check`, also use each camera, the model and the broker once."""
    try:
        loaded = load_config(config)
    except InvalidConfigError as error:
        return ConfigCheckResult(problems=error.problems)
    locate = loaded.layers.locate_problems
    settings = loaded.settings
    unreadable = tuple(check_input_files(settings))
    labels = LabelProblems() if _concern_model(unreadable) else check_labels(settings)
    found = (*unreadable, *check_written_files(settings), *check_libraries(settings))
    problems = locate((*found, *labels.problems))
    if smoke_check and not problems:
        problems = locate(run_smoke_check(settings, clock=SystemClock()))
    doubts = (*check_secret_files(settings), *check_service_libraries(), *labels.warnings)
    warnings = (*loaded.warnings, *locate(doubts))
    return ConfigCheckResult(problems=problems, warnings=warnings, loaded_config=loaded)


def _concern_model(problems: Iterable[KeyProblem]) -> bool:
    return any(problem.key_path[:1] == ("model",) for problem in problems)


def _format_summary(loaded_config: LoadedConfig) -> str:
    settings = loaded_config.settings
    cameras = [f"{n} ({c.source})" for n, c in settings.camera.items() if c.enabled]
    publisher = settings.publisher[0] if settings.publisher else ""
    model = settings.model.path or "the bundled model"
    return f"{', '.join(map(str, loaded_config.files))}: ok: {', '.join(cameras)} -> {model} -> {publisher}"


def _format_json(result: ConfigCheckResult) -> str:
    answer = {
        "ok": not result.problems,
        "files": [str(file) for file in result.loaded_config.files] if result.loaded_config else [],
        "problems": result.problems,
        "warnings": result.warnings,
    }
    return msgspec.json.format(msgspec.json.encode(answer), indent=2).decode()
