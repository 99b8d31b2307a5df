"""The contract as JSON Schema files, made from the structs and shipped beside this module.

``python -m edged.messaging.contract.schema`` rewrites the files (and, in a checkout, the field tables of docs/mqtt.md); a test fails while they differ from the structs.
"""

import inspect
import json
import re
from importlib.resources import files
from pathlib import Path
from typing import Any

import msgspec

from edged.health import conditions_markdown
from edged.messaging.contract.device import DeviceHealth, DeviceInfo
from edged.messaging.contract.header import Header
from edged.messaging.contract.messages import CameraState, Event, FrameDetections, Gap, OnlineStatus
from edged.messaging.contract.model import ModelState

MESSAGES: dict[str, type[Header]] = {
    "status": OnlineStatus,
    "info": DeviceInfo,
    "health": DeviceHealth,
    "model": ModelState,
    "detections": FrameDetections,
    "event": Event,
    "state": CameraState,
    "gap": Gap,
}
"""Every payload by the name in its ``schema`` field."""

_HERE = Path(__file__).parent
_DOCS = _HERE.parents[2] / "docs" / "mqtt.md"
_CONDITIONS = re.compile(r"(?<=<!-- conditions -->\n).*(?=<!-- /conditions -->)", re.DOTALL)
_GENERATED = re.compile(r"(?<=<!-- fields -->\n).*(?=<!-- /fields -->)", re.DOTALL)


def build_schema(name: str) -> dict[str, Any]:
    """JSON Schema (2020-12) of one payload.

    Every field is required, because every field is always sent; others may be added within version 1.
    """
    made = msgspec.json.schema(MESSAGES[name])
    for definition in made["$defs"].values():
        definition["description"] = inspect.cleandoc(definition["description"])
        definition["required"] = list(definition["properties"])
        for field in definition["properties"].values():
            field.pop("default", None)
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": f"urn:edged:{name}:1",
        **made,
    }


def schema_text(name: str) -> str:
    """The schema as its file has it."""
    return json.dumps(build_schema(name), indent=2, ensure_ascii=False) + "\n"


def shipped_schema(name: str) -> str:
    """The schema file that came with this installation."""
    return files("edged.messaging.contract").joinpath("schemas", f"{name}.json").read_text("utf-8")


def fields_markdown(name: str) -> str:
    """The fields of one payload as Markdown tables, those of nested objects after it."""
    made = build_schema(name)
    root = made["$ref"].rpartition("/")[2]
    definitions = made["$defs"]
    nested = [title for title in definitions if title != root]
    parts = [f"### {made['$id'].split(':')[2]}\n\n{definitions[root]['description']}\n"]
    parts += [_markdown_table(definitions[root], skip=("schema", *Header.__struct_fields__))]
    for title in nested:
        parts += [
            f"\n`{title}`: {definitions[title]['description']}\n",
            _markdown_table(definitions[title]),
        ]
    return "\n".join(parts)


def header_fields_markdown() -> str:
    """The fields that every payload has, as a Markdown table."""
    definition = build_schema("status")["$defs"]["OnlineStatus"]
    kind = {"type": "string", "description": "Which message this is: `edged.<name>/<version>`."}
    header = {name: definition["properties"][name] for name in Header.__struct_fields__}
    return _markdown_table({"properties": {"schema": kind} | header})


def update_docs(current: str) -> str:
    """The text of docs/mqtt.md with its tables of conditions and fields made anew."""
    tables = [
        f"### Every payload\n\n{header_fields_markdown()}",
        *(fields_markdown(name) for name in MESSAGES),
    ]
    with_conditions = _CONDITIONS.sub(lambda _: "\n" + conditions_markdown() + "\n", current)
    return _GENERATED.sub(lambda _: "\n" + "\n".join(tables) + "\n", with_conditions)


def _markdown_table(definition: dict[str, Any], skip: tuple[str, ...] = ()) -> str:
    rows = ["| field | type | meaning |", "|---|---|---|"]
    rows += [
        f"| `{name}` | {_describe_type(field)} | {field.get('description', '')} |"
        for name, field in definition["properties"].items()
        if name not in skip
    ]
    return "\n".join(rows) + "\n"


def _describe_type(field: dict[str, Any]) -> str:
    """A field's type in words."""
    match field:
        case {"anyOf": options}:
            words = " or ".join(map(_describe_type, options))
        case {"enum": values}:
            words = ", ".join(f"`{value}`" for value in values)
        case {"$ref": reference}:
            words = f"`{reference.rpartition('/')[2]}`"
        case {"prefixItems": items}:
            words = f"[{', '.join(map(_describe_type, items))}]"
        case {"type": "array", "items": item}:
            words = f"list of {_describe_type(item)}"
        case {"type": "object", "additionalProperties": value}:
            words = f"map to {_describe_type(value)}"
        case _:
            words = str(field["type"])
    return words


def _write_files() -> None:
    for name in MESSAGES:
        (_HERE / "schemas" / f"{name}.json").write_text(schema_text(name), "utf-8")
    if _DOCS.exists():
        _DOCS.write_text(update_docs(_DOCS.read_text("utf-8")), "utf-8")


if __name__ == "__main__":
    _write_files()
