"""The AsyncAPI document agrees with the code, the golden payloads and docs/mqtt.md."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from edged import registry
from edged.cli.asyncapi import asyncapi_text, build_document
from edged.cli.asyncapi_channels import REPORTS
from edged.cli.main import main
from edged.messaging.contract.schema import MESSAGES
from edged.messaging.contract.topics import Topics
from support.examples import examples, payload, stamper

DOCS = Path(__file__).parents[3] / "docs"
DOCUMENT = build_document()
ID = {"id": "1"}


def test_the_checked_in_document_is_current() -> None:
    assert (DOCS / "asyncapi.json").read_text("utf-8") == asyncapi_text(), (
        "run: edged schema --asyncapi > docs/asyncapi.json"
    )


def test_the_command_prints_it(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["schema", "--asyncapi"]) == 0
    assert json.loads(capsys.readouterr().out) == DOCUMENT
    assert main(["schema", "event", "--asyncapi"]) == 1


def references(part: Any) -> Iterator[str]:
    if isinstance(part, dict):
        if isinstance(part.get("$ref"), str):
            yield part["$ref"]
        part = list(part.values())
    if isinstance(part, list):
        for inner in part:
            yield from references(inner)


def resolve(reference: str) -> Any:
    part: Any = DOCUMENT
    for name in reference.removeprefix("#/").split("/"):
        part = part[name]
    return part


def test_every_reference_leads_somewhere() -> None:
    for reference in references(DOCUMENT):
        assert resolve(reference)


def test_every_message_and_command_is_in_it() -> None:
    assert set(REPORTS) == set(MESSAGES)
    commands = {f"command_{verb.replace('.', '_')}" for verb in registry.COMMANDS}
    assert set(DOCUMENT["channels"]) == {*MESSAGES, "picture", "desired", *commands}


def is_valid(message: str, content: Any) -> bool:
    schema = {
        **DOCUMENT["components"]["messages"][message]["payload"],
        "components": DOCUMENT["components"],
    }
    jsonschema.Draft7Validator.check_schema(schema)
    return bool(jsonschema.Draft7Validator(schema).is_valid(content))


@pytest.mark.parametrize("name", examples())
def test_a_golden_payload_keeps_to_it_and_belongs_to_its_topic(name: str) -> None:
    message, seq = examples()[name]
    content = json.loads(payload(name))
    kind = content["schema"].removeprefix("edged.").removesuffix("/1")
    assert is_valid(kind, content)
    assert not is_valid(kind, content | {"time": 1})
    topic = Topics("shop-12").of(stamper().stamp(message, seq))
    address = DOCUMENT["channels"][kind]["address"]
    assert address.format(device="shop-12", camera=content.get("camera")) == topic


@pytest.mark.parametrize(
    ("name", "box"),
    [
        ("event", [0.1, 0.2, 0.3]),
        ("event", [0.1, 0.2, 0.3, 0.4, 0.5]),
        ("event", [0.1, 0.2, 0.3, 1.4]),
        ("event", None),
    ],
)
def test_a_box_has_four_fractions(name: str, box: object) -> None:
    assert not is_valid(name, json.loads(payload(name)) | {"box": box})


@pytest.mark.parametrize(
    ("verb", "command", "valid"),
    [
        ("detect", ID | {"args": {"camera": "front", "on": True}}, True),
        ("detect", ID | {"args": {"camera": "front", "on": True}, "expires_s": 5}, True),
        ("detect", ID | {"args": {"camera": "front", "on": "yes"}}, False),
        ("detect", ID | {"args": {"camera": "front"}}, False),
        ("detect", ID, False),
        ("detect", {"args": {"camera": "front", "on": True}}, False),
        ("detect", ID | {"args": {"camera": "front", "on": True}, "more": 1}, False),
        ("threshold", ID | {"args": {"camera": "front", "score": None}}, True),
        ("threshold", ID | {"args": {"camera": "front", "score": 1.5}}, False),
        ("restart", ID, True),
        ("restart", ID | {"args": {}}, True),
        ("restart", ID | {"args": {"now": True}}, False),
        ("model.rollback", ID | {"args": {"reason": "too many cats"}}, True),
    ],
)
def test_commands(verb: str, command: dict[str, Any], *, valid: bool) -> None:
    assert is_valid(f"command_{verb.replace('.', '_')}", command) is valid


def test_topics_are_those_of_the_documentation() -> None:
    text = (DOCS / "mqtt.md").read_text("utf-8")
    rows = re.findall(r"^\| `(up/[^`]+)` \| \[(\w+)\][^|]*\| (yes|no) \| (\d)", text, re.MULTILINE)
    documented = {
        name: (address.replace("<camera>", "{camera}"), retained == "yes", int(qos))
        for address, name, retained, qos in rows
    }
    described = {
        name: (report.address.partition("{device}/")[2], report.is_retained, report.qos)
        for name, report in REPORTS.items()
    }
    assert described == documented


def test_bindings_are_those_of_the_table() -> None:
    for name, report in REPORTS.items():
        mqtt = DOCUMENT["operations"][f"send_{name}"]["bindings"]["mqtt"]
        assert (mqtt["retain"], mqtt["qos"]) == (report.is_retained, report.qos)
