"""Writes each role's README from its argument_specs and defaults; ``--check`` only says whether they are up to date."""

import json
import re
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

ROLES = Path(__file__).parents[1] / "roles"
_MARK = re.compile(r"\b([OVCMEPR])\(([^)]*)\)")


def main() -> int:
    """Write or compare; 1 if one is not up to date."""
    stale = []
    for role in sorted(path.name for path in ROLES.iterdir()):
        path = ROLES / role / "README.md"
        text = readme(role)
        if sys.argv[1:] != ["--check"]:
            path.write_text(text)
        elif not path.exists() or path.read_text() != text:
            stale.append(path)
    for path in stale:
        print(f"{path} is not up to date: run {Path(__file__).name}")
    return 1 if stale else 0


def readme(role: str) -> str:
    """Of one role."""
    spec = read(role, "meta/argument_specs.yml")["argument_specs"]["main"]
    defaults = read(role, "defaults/main.yml")
    unknown = set(defaults) - set(spec["options"])
    if unknown:
        raise SystemExit(f"{role}: argument_specs does not have {', '.join(sorted(unknown))}")
    lines = [f"# {role}", "", f"{spec['short_description']}.", "", words(spec["description"]), ""]
    lines += ["| variable | type | default | |", "|---|---|---|---|"]
    lines += [row(name, option, defaults) for name, option in spec["options"].items()]
    for name, option in spec["options"].items():
        if "options" in option:
            lines += ["", f"In `{name}`{', each' if option['type'] == 'list' else ''}:", ""]
            lines += ["| key | type | default | |", "|---|---|---|---|"]
            lines += [row(key, inner, {}) for key, inner in option["options"].items()]
    return "\n".join([*lines, ""])


def row(name: str, option: Mapping[str, Any], defaults: Mapping[str, Any]) -> str:
    """A variable's line in the table."""
    kind = option["type"] + (f" of {option['elements']}" if "elements" in option else "")
    default = defaults.get(name, option.get("default"))
    shown = (
        "**needed**"
        if option.get("required")
        else ""
        if default is None
        else f"`{json.dumps(default)}`"
    )
    choices = (
        f" One of {', '.join(f'`{one}`' for one in option['choices'])}."
        if "choices" in option
        else ""
    )
    text = (words(option["description"]) + choices).replace("|", "\\|")
    return f"| `{name}` | {kind} | {shown} | {text} |"


def words(text: str | list[str]) -> str:
    """Ansible's marks as Markdown's."""
    whole = text if isinstance(text, str) else " ".join(text)
    return _MARK.sub(r"`\2`", whole)


def read(role: str, name: str) -> dict[str, Any]:
    """A YAML file of a role."""
    document: dict[str, Any] = yaml.safe_load((ROLES / role / name).read_text())
    return document


if __name__ == "__main__":
    sys.exit(main())
