"""The fleet's page, and the report for programs."""

from typing import Any
from xml.etree import ElementTree as ET

from support.simulated_fleet import import_plugin

page = import_plugin("plugin_utils.fleet_report")

FACTORY = {"role": "factory", "title": "marks", "digest": "", "damage": ""}


def info(**status: Any) -> dict[str, Any]:
    full_status = {"daemon": True, "deployment": None, "past": [], "versions": [FACTORY]} | status
    board = {"throttling": None, "disk_free_mb": 900, "temperature_c": 51.2, "model": "Pi"}
    return {
        "status": full_status,
        "digest": "d" * 64,
        "title": "marks@2",
        "board": board,
        "version": "0.1.0",
    }


def test_everybody_stands_there_with_what_is_wrong() -> None:
    infos = {
        "a": info(),
        "b": info(daemon=False),
        "c": {"unreachable": True, "msg": "Task failed: no route"},
        "d": {"msg": "no edged\nsecond line"},
        "e": info(deployment={"title": "marks@3", "state": "trial", "blocked_reason": ""}),
    }
    rows = page.report_rows(infos)
    states = {row["device"]: row["state"] for row in rows}
    assert states == {
        "a": "ok",
        "b": "faulty",
        "c": "offline",
        "d": "faulty",
        "e": "updating",
    }
    assert rows[1]["remarks"] == ["the daemon does not run"]
    assert rows[3]["remarks"] == ["no edged"]


def test_the_page_is_well_formed_and_escapes() -> None:
    infos = {
        "<a>": info(past=[{"title": "m&m@1", "source": "", "outcome": "rejected", "reason": "<b>"}])
    }
    html = page.report_page(page.report_rows(infos), title="Fleet", time="now")
    body = html.replace("<!doctype html>", "").replace('<meta charset="utf-8">', "")
    tree = ET.fromstring(body)  # noqa: S314  made here
    cells = [cell.text for cell in tree.iter("td")]
    assert cells[0] == "<a>"
    assert "m&m@1 rejected: <b>" in cells
    assert len(list(tree.iter("rect"))) == 1
