"""``edged check``: says everything that is wrong with a configuration, before a daemon has to."""

import argparse
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec

from edged.checks import smoke as rehearsal
from edged.cli.config_option import add_config_option
from edged.clock import SystemClock
from edged.config.input_files import check_input_files, check_secret_files
from edged.config.load import LoadedConfig, load_config
from edged.config.problems import InvalidConfigError, Problem


@dataclass(frozen=True, slots=True, kw_only=True)
class ConfigCheckResult:
    """What a check has found; `loaded_config` is None if the configuration cannot be used at all."""

    problems: Sequence[Problem]
    warnings: Sequence[Problem] = ()
    loaded_config: LoadedConfig | None = None


def add_parser(subparsers: Any) -> None:
    """Add this command to the command line."""
    parser = subparsers.add_parser(
        "check",
        help="check a configuration and say all that is wrong with it",
        description="Checks a configuration, and that the files it names can be read. "
        "One problem a line; exits with 1 if there is any.",
    )
    add_config_option(parser)
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    parser.add_argument(
        "--try",
        action="store_true",
        dest="rehearse",
        help="also run the model, take a picture from each camera, and connect; a running daemon holds "
        "its cameras: stop it first",
    )
    parser.set_defaults(func=run)


def run(args: argparse.Namespace) -> int:
    """Check, print, and say by the exit status whether the configuration can be used."""
    findings = check_config(args.config, smoke_check=args.rehearse)
    if args.json:
        sys.stdout.write(_format_json(findings) + "\n")
    else:
        for problem in findings.problems:
            print(problem)
        for warning in findings.warnings:
            print(f"warning: {warning}")
        if findings.loaded_config and not findings.problems:
            print(_format_summary(findings.loaded_config))
    return 1 if findings.problems else 0


def check_config(config: Path, *, smoke_check: bool = False) -> ConfigCheckResult:
    """Check a configuration and the files that it names; with `smoke_check` all that it names is used once, too."""
    try:
        loaded = load_config(config)
    except InvalidConfigError as error:
        return ConfigCheckResult(problems=error.problems)
    at = loaded.layers.locate_problems
    problems = at(check_input_files(loaded.settings))
    if smoke_check and not problems:
        problems = at(rehearsal.run_smoke_check(loaded.settings, clock=SystemClock()))
    warnings = (*loaded.warnings, *at(check_secret_files(loaded.settings)))
    return ConfigCheckResult(problems=problems, warnings=warnings, loaded_config=loaded)


def _format_summary(loaded_config: LoadedConfig) -> str:
    settings = loaded_config.settings
    cameras = [f"{n} ({c.source})" for n, c in settings.camera.items() if c.enabled]
    publisher = settings.publisher[0] if settings.publisher else ""
    model = settings.model.path or "the bundled model"
    return f"{', '.join(map(str, loaded_config.files))}: ok: {', '.join(cameras)} -> {model} -> {publisher}"


def _format_json(result: ConfigCheckResult) -> str:
    found = {
        "ok": not result.problems,
        "files": [str(file) for file in result.loaded_config.files] if result.loaded_config else [],
        "problems": result.problems,
        "warnings": result.warnings,
    }
    return msgspec.json.format(msgspec.json.encode(found), indent=2).decode()
