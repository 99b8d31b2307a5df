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
from edged.config.inputs import doubtful_secrets, unreadable_inputs
from edged.config.load import Loaded, load
from edged.config.problems import InvalidConfigError, Problem


@dataclass(frozen=True, slots=True, kw_only=True)
class Findings:
    """What a check has found; `loaded` is None if the configuration cannot be used at all."""

    problems: Sequence[Problem]
    warnings: Sequence[Problem] = ()
    loaded: Loaded | None = None


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
    findings = check(args.config, rehearse=args.rehearse)
    if args.json:
        sys.stdout.write(_as_json(findings) + "\n")
    else:
        for problem in findings.problems:
            print(problem)
        for warning in findings.warnings:
            print(f"warning: {warning}")
        if findings.loaded and not findings.problems:
            print(_summary(findings.loaded))
    return 1 if findings.problems else 0


def check(config: Path, *, rehearse: bool = False) -> Findings:
    """Check a configuration and the files that it names; with `rehearse` all that it names is used once, too."""
    try:
        loaded = load(config)
    except InvalidConfigError as error:
        return Findings(problems=error.problems)
    at = loaded.layers.problems
    problems = at(unreadable_inputs(loaded.settings))
    if rehearse and not problems:
        problems = at(rehearsal.rehearse(loaded.settings, clock=SystemClock()))
    warnings = (*loaded.warnings, *at(doubtful_secrets(loaded.settings)))
    return Findings(problems=problems, warnings=warnings, loaded=loaded)


def _summary(loaded: Loaded) -> str:
    settings = loaded.settings
    cameras = [f"{n} ({c.source})" for n, c in settings.camera.items() if c.enabled]
    publisher = settings.publisher[0] if settings.publisher else ""
    model = settings.model.path or "the bundled model"
    return (
        f"{', '.join(map(str, loaded.files))}: ok: {', '.join(cameras)} -> {model} -> {publisher}"
    )


def _as_json(findings: Findings) -> str:
    found = {
        "ok": not findings.problems,
        "files": [str(file) for file in findings.loaded.files] if findings.loaded else [],
        "problems": findings.problems,
        "warnings": findings.warnings,
    }
    return msgspec.json.format(msgspec.json.encode(found), indent=2).decode()
