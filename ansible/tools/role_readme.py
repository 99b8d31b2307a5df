"""Writes the README of each role from its argument_specs and defaults; ``--check`` only compares."""

import json
import re
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

ROLES = Path(__file__).parents[1] / "roles"
_MARKUP = re.compile(r"\b([OVCMEPR])\(([^)]*)\)")
_TABLE_HEAD = ("| {} | type | default | |", "|---|---|---|---|")


def main() -> int:
    """Write or compare the READMEs, and return 1 if one is outdated."""
    outdated = []
    for role in sorted(path.name for path in ROLES.iterdir()):
        path = ROLES / role / "README.md"
        text = readme(role)
        if sys.argv[1:] != ["--check"]:
            path.write_text(text)
        elif not path.exists() or path.read_text() != text:
            outdated.append(path)
    for path in outdated:
        print(f"{path} is outdated: run {Path(__file__).name}")
    return 1 if outdated else 0


def readme(role: str) -> str:
    """Return the README of a role."""
    spec = read_yaml(role, "meta/argument_specs.yml")["argument_specs"]["main"]
    defaults = read_yaml(role, "defaults/main.yml")
    undescribed = set(defaults) - set(spec["options"])
    if undescribed:
        raise SystemExit(f"{role}: argument_specs lacks {', '.join(sorted(undescribed))}")
    lines = [f"# {role}", "", f"{spec['short_description']}.", ""]
    lines += [to_markdown(spec["description"]), "", *table("variable", spec["options"], defaults)]
    for name, option in spec["options"].items():
        if "options" in option:
            each = ", each" if option["type"] == "list" else ""
            lines += ["", f"In `{name}`{each}:", "", *table("key", option["options"], {})]
    return "\n".join([*lines, ""])


def table(
    heading: str, options: Mapping[str, Mapping[str, Any]], defaults: Mapping[str, Any]
) -> list[str]:
    """Return the lines of a table of options.

    Args:
        heading: heading of the first column.
        options: the options by name, as in argument_specs.
        defaults: the defaults by name; an option that is not there has its own default.
    """
    head, rule = _TABLE_HEAD
    rows = [table_row(name, option, defaults) for name, option in options.items()]
    return [head.format(heading), rule, *rows]


def table_row(name: str, option: Mapping[str, Any], defaults: Mapping[str, Any]) -> str:
    """Return the line of one option.

    Args:
        name: name of the option.
        option: the option, as in argument_specs.
        defaults: the defaults by name.
    """
    type_ = option["type"] + (f" of {option['elements']}" if "elements" in option else "")
    value = defaults.get(name, option.get("default"))
    default = "" if value is None else f"`{json.dumps(value)}`"
    if option.get("required"):
        default = "**required**"
    choices = ", ".join(f"`{choice}`" for choice in option.get("choices", []))
    text = to_markdown(option["description"]) + (f" One of {choices}." if choices else "")
    cells = [f"`{name}`", type_, default, text]
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"


def to_markdown(text: str | list[str]) -> str:
    """Return a description with Ansible's markup as Markdown."""
    whole = text if isinstance(text, str) else " ".join(text)
    return _MARKUP.sub(r"`\2`", whole)


def read_yaml(role: str, name: str) -> dict[str, Any]:
    """Return the content of a YAML file of a role."""
    document: dict[str, Any] = yaml.safe_load((ROLES / role / name).read_text())
    return document


if __name__ == "__main__":
    sys.exit(main())
