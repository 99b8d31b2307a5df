"""The report on a fleet: rows for JSON, and an HTML page in one file without scripts. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from html import escape
from typing import Any

from ansible_collections.edged.fleet.plugins.module_utils import status_fields as field
from ansible_collections.edged.fleet.plugins.module_utils.model_status import deployment_name
from ansible_collections.edged.fleet.plugins.plugin_utils.rollout_plan import NO_RESPONSE
from ansible_collections.edged.fleet.plugins.plugin_utils.rollout_wave import outcome_line

OFFLINE, FAULTY, UPDATING, OK = "offline", "faulty", "updating", "ok"
"""The states of a device in the report."""
_STYLE = """
body { font: 15px/1.5 system-ui, sans-serif; margin: 2rem; color: #222; max-width: 75rem }
table { border-collapse: collapse; width: 100% }
th, td { text-align: left; padding: .3rem .8rem .3rem 0; border-bottom: 1px solid #ddd; vertical-align: top }
.offline { color: #888 } .faulty { color: #b00020 } .updating { color: #8a5a00 }
svg text { font: 13px system-ui, sans-serif; fill: #222 }
"""
_COLUMNS = (
    "device",
    "model",
    "digest",
    "edged",
    "deployment",
    "last outcome",
    "free disk",
    "temperature",
    "remarks",
)
_BAR_PX, _ROW_PX, _LABEL_PX = 520, 26, 240
_TEXT_BASELINE_PX = 17
_BAR_COLOUR, _STATE_COLOURS = "#2a6f97", {OFFLINE: "#bbb", FAULTY: "#b00020"}


def report_rows(infos: Mapping[str, Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Return a row for each device, from what `edged_model_info` returned by host."""
    return [_row(host, info) for host, info in infos.items()]


def _row_without_status(host: str, info: Mapping[str, Any]) -> dict[str, Any]:
    lines = str(info.get("msg", "")).strip().splitlines()
    state = OFFLINE if info.get("unreachable") else FAULTY
    return {"device": host, "state": state, "remarks": [lines[0] if lines else NO_RESPONSE]}


def _row(host: str, info: Mapping[str, Any]) -> dict[str, Any]:
    if "status" not in info:
        return _row_without_status(host, info)
    status, board = info["status"], info["board"]
    deployment, past = status[field.DEPLOYMENT], status[field.PAST]
    remarks = _remarks(status, board)
    return {
        "device": host,
        "state": FAULTY if remarks else UPDATING if deployment else OK,
        "model": info["title"],
        "digest": info["digest"],
        "version": info.get("version", ""),
        "deployment": deployment,
        "last_deployment": past[-1] if past else None,
        "disk_free_mb": board["disk_free_mb"],
        "temperature_c": board["temperature_c"],
        "board": board["model"],
        "remarks": remarks,
    }


def _remarks(status: Mapping[str, Any], board: Mapping[str, Any]) -> list[str]:
    deployment = status[field.DEPLOYMENT]
    blocked_reason = deployment and deployment[field.BLOCKED_REASON]
    return [
        *([f"throttled: {', '.join(board['throttling'])}"] if board["throttling"] else []),
        *([] if status[field.DAEMON] else ["the daemon does not run"]),
        *([f"the deployment is blocked: {blocked_reason}"] if blocked_reason else []),
        *(
            f"damaged: {version[field.TITLE]}"
            for version in status[field.VERSIONS]
            if version[field.DAMAGE]
        ),
    ]


def report_page(rows: Sequence[Mapping[str, Any]], *, title: str, time: str) -> str:
    """Return the HTML page.

    Args:
        rows: as `report_rows` returned them.
        title: title of the page.
        time: time of the report.
    """
    models = Counter(row.get("model") or row["state"] for row in rows)
    states = Counter(str(row["state"]) for row in rows)
    summary = ", ".join(f"{count} {state}" for state, count in sorted(states.items()))
    return "\n".join(
        [
            "<!doctype html>",
            f'<html lang="en"><meta charset="utf-8"><title>{escape(title)}</title>',
            f"<style>{_STYLE}</style>",
            f"<h1>{escape(title)}</h1><p>{len(rows)} devices, {escape(time)}: {escape(summary)}.</p>",
            bar_chart(sorted(models.items(), key=lambda entry: (-entry[1], entry[0]))),
            "<table>",
            f"<tr>{''.join(f'<th>{name}</th>' for name in _COLUMNS)}</tr>",
            *(_table_row(row) for row in rows),
            "</table></html>\n",
        ]
    )


def bar_chart(counts: Iterable[tuple[str, int]]) -> str:
    """Return an SVG with a bar for each model; its length is the number of devices."""
    entries = list(counts)
    max_count = max((count for _, count in entries), default=1)
    width_px, height_px = _LABEL_PX + _BAR_PX + 60, _ROW_PX * len(entries) + 4
    lines = [
        f'<svg role="img" aria-label="devices by model" width="{width_px}" height="{height_px}">'
    ]
    for index, (name, count) in enumerate(entries):
        top = index * _ROW_PX
        width = max(round(count / max_count * _BAR_PX), 2)
        colour = _STATE_COLOURS.get(name, _BAR_COLOUR)
        lines += [
            f'<text x="0" y="{top + _TEXT_BASELINE_PX}">{escape(name)}</text>',
            f'<rect x="{_LABEL_PX}" y="{top + 3}" width="{width}" height="{_ROW_PX - 8}" fill="{colour}"/>',
            f'<text x="{_LABEL_PX + width + 6}" y="{top + _TEXT_BASELINE_PX}">{count}</text>',
        ]
    return "\n".join([*lines, "</svg>"])


def _table_row(row: Mapping[str, Any]) -> str:
    deployment, last = row.get("deployment"), row.get("last_deployment")
    disk_mb, temperature = row.get("disk_free_mb"), row.get("temperature_c")
    cells = (
        row["device"],
        row.get("model") or row["state"],
        (row.get("digest") or "")[:12],
        row.get("version", ""),
        f"{deployment_name(deployment)} ({deployment[field.STATE]})" if deployment else "",
        f"{last[field.TITLE] or last[field.SOURCE]} {outcome_line(last)}" if last else "",
        "" if disk_mb is None else f"{disk_mb} MB",
        "" if temperature is None else f"{temperature:.0f} °C",
        "; ".join(row["remarks"]),
    )
    columns = "".join(f"<td>{escape(str(cell))}</td>" for cell in cells)
    return f'<tr class="{row["state"]}">{columns}</tr>'
