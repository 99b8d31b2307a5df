"""The contract as JSON Schema files, made from the structs and shipped beside this module.

``python -m edged.messaging.contract.schema`` rewrites the files and, in a checkout, the tables of docs/mqtt.md; a test fails while they
differ from the structs.
"""

import inspect
import json
import re
from importlib.resources import files
from pathlib import Path
from typing import Any

import msgspec

from edged.health import CONDITIONS
from edged.messaging.contract.commands import CameraSwitches, Reply
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
    "switches": CameraSwitches,
    "reply": Reply,
    "gap": Gap,
}
"""All payloads, by the name in their ``schema`` field."""

_HERE = Path(__file__).parent
_DOCS = _HERE.parents[2] / "docs" / "mqtt.md"
_CONDITIONS = re.compile(r"(?<=<!-- conditions -->\n).*(?=<!-- /conditions -->)", re.DOTALL)
_GENERATED = re.compile(r"(?<=<!-- fields -->\n).*(?=<!-- /fields -->)", re.DOTALL)


def conditions_markdown() -> str:
    """Return the documentation's table of conditions."""
    rows = [
        f"| `{kind.name_of(described.subject)}` | {described.severity} | {described.meaning} |"
        for kind, described in CONDITIONS.items()
    ]
    return "\n".join(["| name | severity | meaning |", "|---|---|---|", *rows]) + "\n"


def build_schema(name: str) -> dict[str, Any]:
    """Return the JSON Schema (2020-12) of one payload.

    Every field is required, because every field is always sent; fields may be added within version 1.
    """
    schema = msgspec.json.schema(MESSAGES[name])
    for definition in schema["$defs"].values():
        definition["description"] = inspect.cleandoc(definition["description"])
        definition["required"] = list(definition["properties"])
        for field in definition["properties"].values():
            field.pop("default", None)
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": f"urn:edged:{name}:1",
        **schema,
    }


def schema_text(name: str) -> str:
    """Return the content of a payload's schema file."""
    return json.dumps(build_schema(name), indent=2, ensure_ascii=False) + "\n"


def shipped_schema(name: str) -> str:
    """Return the content of the schema file in this installation."""
    return files("edged.messaging.contract").joinpath("schemas", f"{name}.json").read_text("utf-8")


def fields_markdown(name: str) -> str:
    """Return the fields of one payload as Markdown tables, followed by those of its nested objects."""
    schema = build_schema(name)
    root = schema["$ref"].rpartition("/")[2]
    definitions = schema["$defs"]
    nested = [title for title in definitions if title != root]
    parts = [f"### {schema['$id'].split(':')[2]}\n\n{definitions[root]['description']}\n"]
    parts += [_markdown_table(definitions[root], skip=("schema", *Header.__struct_fields__))]
    for title in nested:
        parts += [
            f"\n`{title}`: {definitions[title]['description']}\n",
            _markdown_table(definitions[title]),
        ]
    return "\n".join(parts)


def header_fields_markdown() -> str:
    """Return the fields of every payload as a Markdown table."""
    definition = build_schema("status")["$defs"]["OnlineStatus"]
    kind = {
        "type": "string",
        "description": "Name and version of the payload: `edged.<name>/<version>`.",
    }
    header = {name: definition["properties"][name] for name in Header.__struct_fields__}
    return _markdown_table({"properties": {"schema": kind} | header})


def update_docs(current: str) -> str:
    """Return the text of docs/mqtt.md with new tables of conditions and fields."""
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
    """Return a field's type for readers."""
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
