"""``edged schema``."""

import json

import pytest

from edged.cli.main import main
from edged.messaging.contract import schema


def test_lists_the_messages(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["schema"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in lines] == list(schema.MESSAGES)


def test_shows_the_fields_of_one(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["schema", "gap"]) == 0
    assert "| `ranges` | list of [integer, integer] |" in capsys.readouterr().out


def test_prints_one_as_json_schema(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["schema", "event", "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == schema.build_schema("event")


def test_prints_all_as_json_schema(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["schema", "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == {
        n: schema.build_schema(n) for n in schema.MESSAGES
    }


def test_names_what_there_is(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["schema", "evnt"]) == 1
    assert "status, info, health" in capsys.readouterr().err
