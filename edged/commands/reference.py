"""The documentation's table of commands, made from their drivers.

``python -m edged.commands.reference`` rewrites it in docs/commands.md; a test fails while it differs.
"""

import re
from pathlib import Path
from typing import get_args, get_type_hints

from msgspec import Meta

from edged import registry
from edged.config.describe import describe_type
from edged.interfaces.command import Command

_DOCS = Path(__file__).parents[2] / "docs" / "commands.md"
_TABLE = re.compile(r"(?<=<!-- commands -->\n).*(?=<!-- /commands -->)", re.DOTALL)


def commands_markdown() -> str:
    """Return the table: one row a verb, with its arguments."""
    rows = ["| verb | arguments | what it does |", "|---|---|---|"]
    for verb, driver in registry.COMMANDS.items():
        command: type[Command] = registry.load_driver({verb: driver}, verb)
        rows.append(f"| `{verb}` | {_describe_args(command) or 'none'} | {command.summary} |")
    return "\n".join(rows) + "\n"


def update_docs(current: str) -> str:
    """Return the text of docs/commands.md with its table made anew."""
    return _TABLE.sub(lambda _: "\n" + commands_markdown() + "\n", current)


def _describe_args(command: type[Command]) -> str:
    hints = get_type_hints(command.Args, include_extras=True)
    required = len(hints) - len(command.Args.__struct_defaults__)
    return "<br>".join(
        f"`{name}`{'' if index < required else ' (optional)'}: {describe_type(hint)}. {_describe(hint)}"
        for index, (name, hint) in enumerate(hints.items())
    )


def _describe(annotation: object) -> str:
    metas = [part for part in get_args(annotation) if isinstance(part, Meta)]
    return next((meta.description for meta in metas if meta.description), "")


if __name__ == "__main__":
    _DOCS.write_text(update_docs(_DOCS.read_text("utf-8")), "utf-8")
