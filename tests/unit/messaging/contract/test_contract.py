"""The payloads agree with the schema files, the golden payloads and docs/mqtt.md."""

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edged.clock import NS_PER_S
from edged.messaging.contract import schema
from edged.messaging.contract.header import Header, rfc3339
from edged.messaging.contract.messages import OnlineStatus
from edged.messaging.contract.topics import Topics
from support.clock import FakeClock
from support.examples import GOLDENS, NOW, NOW_NS, event, examples, payload, stamper, state

DOCS = Path(__file__).parents[4] / "docs" / "mqtt.md"


def schema_of(message: dict[str, Any]) -> dict[str, Any]:
    name = message["schema"].removeprefix("edged.").removesuffix("/1")
    loaded: dict[str, Any] = json.loads(schema.shipped_schema(name))
    return loaded


@pytest.mark.parametrize("name", schema.MESSAGES)
def test_shipped_schema_is_that_of_the_struct(name: str) -> None:
    assert schema.shipped_schema(name) == schema.schema_text(name), (
        "run: python -m edged.messaging.contract.schema"
    )


@pytest.mark.parametrize("name", schema.MESSAGES)
def test_shipped_schema_is_a_schema(name: str) -> None:
    jsonschema.Draft202012Validator.check_schema(json.loads(schema.shipped_schema(name)))


@pytest.mark.parametrize("name", examples())
def test_golden_payload_is_what_the_code_makes(name: str) -> None:
    golden = (GOLDENS / f"{name}.json").read_bytes()
    assert payload(name) + b"\n" == golden, "run in tests/: python -m support.examples"


@pytest.mark.parametrize("name", examples())
def test_golden_payload_keeps_to_its_schema(name: str) -> None:
    message = json.loads((GOLDENS / f"{name}.json").read_bytes())
    jsonschema.validate(message, schema_of(message))
    assert set(message) == set(_properties(schema_of(message))), "a field has no golden value"


def test_every_message_has_a_golden_payload() -> None:
    named = {json.loads(path.read_bytes())["schema"] for path in GOLDENS.glob("*.json")}
    assert named == {f"edged.{name}/1" for name in schema.MESSAGES}


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("score", 1.2),
        ("box", [0.1, 0.2, 0.3]),
        ("type", "begin"),
        ("time", "2026-11-21 09:30:05"),
        ("seq", 0),
        ("clock", "ntp"),
    ],
)
def test_schema_refuses_what_is_wrong(field: str, value: object) -> None:
    message = json.loads(payload("event")) | {field: value}
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(message, schema_of(message))


def test_schema_wants_every_field() -> None:
    message = json.loads(payload("event"))
    for field in message:
        with pytest.raises(jsonschema.ValidationError):
            jsonschema.validate(
                {k: v for k, v in message.items() if k != field}, schema_of(message)
            )


@pytest.mark.parametrize("name", schema.MESSAGES)
def test_every_field_has_a_description(name: str) -> None:
    undocumented = [
        f"{title}.{field}"
        for title, definition in schema.build_schema(name)["$defs"].items()
        for field, value in definition["properties"].items()
        if "description" not in value and field != "schema" and "$ref" not in value
    ]
    assert undocumented == []


def test_docs_have_the_fields_of_today() -> None:
    text = DOCS.read_text("utf-8")
    assert text == schema.update_docs(text), "run: python -m edged.messaging.contract.schema"
    assert all(f"### {name}\n" in text for name in schema.MESSAGES)


def test_header_is_filled_in() -> None:
    stamped = stamper().stamp(OnlineStatus(status="online"), seq=7)
    assert (stamped.device, stamped.boot, stamped.session) == ("shop-12", "0d7c51aa", "9f2103be")
    assert (stamped.seq, stamped.time, stamped.clock) == (7, NOW, "synced")


@given(st.integers(min_value=0, max_value=253_402_300_799_999))
def test_times_are_rfc_3339_with_milliseconds(wall_ms: int) -> None:
    text = rfc3339(wall_ms * 1_000_000 + 999_999)
    parsed = datetime.strptime(text, "%Y-%m-%dT%H:%M:%S.%fZ").replace(tzinfo=UTC)
    assert (parsed - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(milliseconds=1) == wall_ms


@pytest.mark.parametrize(
    ("wall_ns", "shown"),
    [(-1, "1970-01-01T00:00:00.000Z"), (10**22, "9999-12-31T23:59:59.999Z")],
)
def test_a_clock_beyond_all_years_is_no_error(wall_ns: int, shown: str) -> None:
    assert rfc3339(wall_ns) == shown


def test_a_clock_set_back_turns_no_time_round() -> None:
    clock = FakeClock(wall_ns=NOW_NS)
    stamp = stamper(clock)
    started_ns = clock.monotonic_ns()
    clock.sleep(5)
    clock.step_wall(-3600)
    assert stamp.time_of(started_ns) == "2026-11-21T08:30:05.412Z"
    assert stamp.time_of(started_ns + 5 * NS_PER_S) == "2026-11-21T08:30:10.412Z"


@pytest.mark.parametrize(
    ("message", "topic"),
    [
        (event(), "edged/v1/shop-12/up/camera/front/events"),
        (state(), "edged/v1/shop-12/up/camera/front/state"),
        (examples()["detections"][0], "edged/v1/shop-12/up/camera/front/detections"),
        (examples()["gap"][0], "edged/v1/shop-12/up/gap"),
        (examples()["model"][0], "edged/v1/shop-12/up/model"),
    ],
)
def test_topics(message: Header, topic: str) -> None:
    assert Topics("shop-12").of(message) == topic


def test_what_has_no_topic_is_refused() -> None:
    with pytest.raises(TypeError, match="Header has no topic"):
        Topics("shop-12").of(Header())


def _properties(made: dict[str, Any]) -> dict[str, Any]:
    properties: dict[str, Any] = made["$defs"][made["$ref"].rpartition("/")[2]]["properties"]
    return properties
