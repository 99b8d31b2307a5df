"""The contract as an AsyncAPI 3 document, made from the payloads' classes and the commands' drivers.

``edged schema --asyncapi > docs/asyncapi.json`` rewrites the checked-in document; a test fails while it differs.
"""

import inspect
import json
from collections.abc import Mapping
from typing import Any

import msgspec

from edged import registry
from edged.cli.asyncapi_channels import (
    CAMERA,
    DESIRED_ADDRESS,
    DEVICE,
    PICTURE,
    REPORTS,
    ReportChannel,
    command_address,
)
from edged.interfaces.command import Command
from edged.messaging.contract.commands import CommandMessage
from edged.messaging.contract.schema import build_schema

Part = dict[str, Any]
"""A part of the document, as JSON."""

_DESCRIPTION = (
    "What a device that runs edged sends and receives over MQTT. Within version 1 fields may be added; they are never removed, and their meaning never "
    "changes. docs/mqtt.md has the rules of delivery, of duplicates and of the last will."
)
_PARAMETERS = {
    DEVICE: "Name of the device: [device] name.",
    CAMERA: "Name of the camera in the configuration.",
}
_BINDING_VERSION = "0.2.0"


def asyncapi_text() -> str:
    """Return the document, JSON."""
    return json.dumps(build_document(), indent=2, ensure_ascii=False) + "\n"


def build_document() -> Part:
    """Return the document; the application that it describes is the device."""
    channels: Part = {}
    operations: Part = {}
    messages: Part = {}
    schemas: Part = {}
    for name, report in REPORTS.items():
        messages[name] = _make_message(name, schemas)
        channels[name] = _make_channel(report.address, report.when, name)
        operations[f"send_{name}"] = _make_operation("send", name, name, report)
    channels["picture"] = _make_channel(PICTURE.address, PICTURE.when, "picture")
    messages["picture"] = {
        "name": "picture",
        "title": "A picture of a camera.",
        "contentType": "image/jpeg",
        "payload": {"type": "string", "format": "binary"},
    }
    operations["send_picture"] = _make_operation("send", "picture", "picture", PICTURE)
    _add_desired(channels, operations, messages)
    for verb in registry.COMMANDS:
        _add_command(verb, channels, operations, messages, schemas)
    return {
        "asyncapi": "3.0.0",
        "id": "urn:edged:v1",
        "info": {
            "title": "edged",
            "version": "1.0.0",
            "description": _DESCRIPTION,
            "license": {"name": "Apache-2.0"},
        },
        "defaultContentType": "application/json",
        "channels": channels,
        "operations": operations,
        "components": {"messages": messages, "schemas": schemas},
    }


def _make_message(name: str, schemas: Part) -> Part:
    """Return a message, and add the schemas of its payload."""
    schema = build_schema(name)
    for title, definition in schema["$defs"].items():
        schemas[title] = _adapt_schema(definition)
    kind = schema["$ref"].rpartition("/")[2]
    title, _, rest = schemas[kind]["description"].partition("\n")
    message = {"name": f"edged.{name}/1", "title": title, "payload": _refer("schemas", kind)}
    return message | ({"description": rest.strip()} if rest.strip() else {})


def _make_channel(address: str, description: str, message: str) -> Part:
    named = {
        name.strip("{}"): {"description": words}
        for name, words in _PARAMETERS.items()
        if name in address
    }
    return {
        "address": address,
        "description": description,
        "parameters": named,
        "messages": {message: _refer("messages", message)},
    }


def _make_operation(action: str, channel: str, message: str, report: ReportChannel) -> Part:
    return {
        "action": action,
        "channel": {"$ref": f"#/channels/{channel}"},
        "messages": [{"$ref": f"#/channels/{channel}/messages/{message}"}],
        "bindings": _bind(qos=report.qos, is_retained=report.is_retained),
    }


def _bind(*, qos: int, is_retained: bool) -> Part:
    return {"mqtt": {"qos": qos, "retain": is_retained, "bindingVersion": _BINDING_VERSION}}


def _add_desired(channels: Part, operations: Part, messages: Part) -> None:
    when = "Retained by the broker; the device reads it if [updates] channel is set."
    channels["desired"] = _make_channel(DESIRED_ADDRESS, when, "desired")
    messages["desired"] = {
        "name": "desired",
        "title": "The desired state: a DSSE envelope, signed; `edged bundle` and docs/updates.md make it.",
        "payload": {
            "type": "object",
            "required": ["payload", "payloadType", "signatures"],
            "properties": {
                "payload": {"type": "string", "contentEncoding": "base64"},
                "payloadType": {"type": "string"},
                "signatures": {"type": "array", "items": {"type": "object"}},
            },
        },
    }
    operations["receive_desired"] = {
        "action": "receive",
        "channel": {"$ref": "#/channels/desired"},
        "messages": [{"$ref": "#/channels/desired/messages/desired"}],
        "bindings": _bind(qos=1, is_retained=True),
    }


def _add_command(
    verb: str, channels: Part, operations: Part, messages: Part, schemas: Part
) -> None:
    command: type[Command] = registry.load_driver(registry.COMMANDS, verb)
    name = f"command_{verb.replace('.', '_')}"
    payload, components = msgspec.json.schema_components(
        [CommandMessage, command.Args], ref_template="#/components/schemas/{name}"
    )
    envelope = _adapt_schema(components.pop("CommandMessage"))
    envelope["properties"]["args"] = payload[1]
    if command.Args.__struct_fields__:
        envelope["required"].append("args")
    schemas |= {title: _adapt_schema(definition) for title, definition in components.items()}
    channels[name] = _make_channel(command_address(verb), command.summary, name)
    messages[name] = {"name": verb, "title": command.summary, "payload": envelope}
    operations[f"receive_{name}"] = {
        "action": "receive",
        "summary": command.summary,
        "channel": {"$ref": f"#/channels/{name}"},
        "messages": [{"$ref": f"#/channels/{name}/messages/{name}"}],
        "bindings": _bind(qos=1, is_retained=False),
        "reply": {
            "channel": {"$ref": "#/channels/reply"},
            "messages": [{"$ref": "#/channels/reply/messages/reply"}],
        },
    }


def _refer(kind: str, name: str) -> Part:
    return {"$ref": f"#/components/{kind}/{name}"}


def _adapt_schema(schema: Mapping[str, Any]) -> Part:
    """Return a JSON Schema of 2020-12 as AsyncAPI's own kind of schema, which follows draft 7."""
    adapted: Part = {}
    for key, value in schema.items():
        match key, value:
            case "$ref", str():
                adapted[key] = value.replace("#/$defs/", "#/components/schemas/")
            case "prefixItems", _:
                adapted["items"] = [_adapt_schema(item) for item in value]
            case "items", False:
                pass  # a draft 7 list of items is closed by maxItems, which stands beside it
            case "description", str():
                adapted[key] = inspect.cleandoc(value)
            case "properties", dict():
                adapted[key] = {name: _adapt_schema(field) for name, field in value.items()}
            case _, dict():
                adapted[key] = _adapt_schema(value)
            case "anyOf", list():
                adapted[key] = [_adapt_schema(option) for option in value]
            case _:
                adapted[key] = value
    return adapted
