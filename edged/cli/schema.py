"""``edged schema``: show the schemas of the MQTT messages."""

import argparse
import json
from typing import Any

from edged.errors import ConfigError
from edged.messaging.contract import schema


def add_parser(subparsers: Any) -> None:
    """Add this command to the command line."""
    parser = subparsers.add_parser(
        "schema",
        help="show the schemas of the MQTT messages",
        description="Lists the messages, or shows the fields of one message. With --json prints JSON Schema.",
    )
    parser.add_argument(
        "name", nargs="?", metavar="NAME", help="a message, such as event or health"
    )
    parser.add_argument("--json", action="store_true", help="print JSON Schema")
    parser.add_argument(
        "--asyncapi",
        action="store_true",
        help="print an AsyncAPI 3 document of all topics, payloads and commands",
    )
    parser.set_defaults(func=run)


def run(args: argparse.Namespace) -> int:
    """Print one schema, all schemas, or the list of messages.

    Raises:
        ConfigError: no message has that name.
    """
    if args.asyncapi:
        from edged.cli.asyncapi import asyncapi_text

        if args.name is not None:
            raise ConfigError("--asyncapi describes all messages: leave the name out")
        print(asyncapi_text(), end="")
        return 0
    if args.name is not None and args.name not in schema.MESSAGES:
        raise ConfigError(f"no message {args.name!r}; known messages: {', '.join(schema.MESSAGES)}")
    if args.name is not None:
        print(
            schema.shipped_schema(args.name) if args.json else schema.fields_markdown(args.name),
            end="",
        )
    elif args.json:
        shipped = {name: json.loads(schema.shipped_schema(name)) for name in schema.MESSAGES}
        print(json.dumps(shipped, indent=2, ensure_ascii=False))
    else:
        for name, message in schema.MESSAGES.items():
            print(f"{name:<12} {(message.__doc__ or '').splitlines()[0]}")
    return 0
