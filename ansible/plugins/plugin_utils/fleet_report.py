"""A fleet as a page: one file, nothing to load, no scripts."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from html import escape
from typing import Any

_STYLE = """
body { font: 15px/1.5 system-ui, sans-serif; margin: 2rem; color: #222; max-width: 75rem }
table { border-collapse: collapse; width: 100% }
th, td { text-align: left; padding: .3rem .8rem .3rem 0; border-bottom: 1px solid #ddd; vertical-align: top }
.offline { color: #888 } .trouble { color: #b00020 } .way { color: #8a5a00 }
svg text { font: 13px system-ui, sans-serif; fill: #222 }
"""
_COLUMNS = (
    "device",
    "model",
    "digest",
    "edged",
    "on its way",
    "last outcome",
    "free",
    "temperature",
    "remarks",
)
_BAR_PX, _ROW_PX, _LABEL_PX = 520, 26, 240
_TEXT_DOWN_PX = 17
_OFFLINE = "offline"


def rows(infos: Mapping[str, Mapping[str, Any]]) -> list[dict[str, Any]]:
    """The fleet, a dict for each device: the report in JSON."""
    return [_row(host, info) for host, info in infos.items()]


def _row(host: str, info: Mapping[str, Any]) -> dict[str, Any]:
    if "status" not in info:
        said = str(info.get("msg", "")).strip().splitlines()
        remark = said[0] if said else "no answer"
        state = _OFFLINE if info.get("unreachable") else "trouble"
        return {"device": host, "state": state, "remarks": [remark]}
    status, board = info["status"], info["board"]
    deployment = status["deployment"]
    past = status["past"][-1] if status["past"] else None
    remarks = [f"held back: {', '.join(board['throttling'])}"] if board["throttling"] else []
    remarks += [] if status["daemon"] else ["the daemon does not run"]
    remarks += (
        [f"waits: {deployment['blocked_reason']}"]
        if deployment and deployment["blocked_reason"]
        else []
    )
    remarks += [f"damaged: {one['title']}" for one in status["versions"] if one["damage"]]
    return {
        "device": host,
        "state": "trouble" if remarks else "on its way" if deployment else "well",
        "model": info["title"],
        "digest": info["digest"],
        "version": info.get("version", ""),
        "deployment": deployment,
        "last": past,
        "disk_free_mb": board["disk_free_mb"],
        "temperature_c": board["temperature_c"],
        "board": board["model"],
        "remarks": remarks,
    }


def page(fleet: Sequence[Mapping[str, Any]], *, title: str, time: str) -> str:
    """The HTML of it."""
    models = Counter(row.get("model") or row["state"] for row in fleet)
    states = Counter(str(row["state"]) for row in fleet)
    summary = ", ".join(f"{count} {state}" for state, count in sorted(states.items()))
    return "\n".join(
        [
            "<!doctype html>",
            f'<html lang="en"><meta charset="utf-8"><title>{escape(title)}</title>',
            f"<style>{_STYLE}</style>",
            f"<h1>{escape(title)}</h1><p>{len(fleet)} devices, {escape(time)}: {escape(summary)}.</p>",
            bars(sorted(models.items(), key=lambda entry: (-entry[1], entry[0]))),
            "<table>",
            f"<tr>{''.join(f'<th>{name}</th>' for name in _COLUMNS)}</tr>",
            *(_table_row(row) for row in fleet),
            "</table></html>\n",
        ]
    )


def bars(counts: Iterable[tuple[str, int]]) -> str:
    """A bar for each model, as long as there are devices that have it."""
    entries = list(counts)
    most = max((count for _, count in entries), default=1)
    lines = [
        f'<svg role="img" aria-label="devices by model" width="{_LABEL_PX + _BAR_PX + 60}" height="{_ROW_PX * len(entries) + 4}">'
    ]
    for index, (name, count) in enumerate(entries):
        top = index * _ROW_PX
        width = max(round(count / most * _BAR_PX), 2)
        colour = {_OFFLINE: "#bbb", "trouble": "#b00020"}.get(name, "#2a6f97")
        lines += [
            f'<text x="0" y="{top + _TEXT_DOWN_PX}">{escape(name)}</text>',
            f'<rect x="{_LABEL_PX}" y="{top + 3}" width="{width}" height="{_ROW_PX - 8}" fill="{colour}"/>',
            f'<text x="{_LABEL_PX + width + 6}" y="{top + _TEXT_DOWN_PX}">{count}</text>',
        ]
    return "\n".join([*lines, "</svg>"])


def _table_row(row: Mapping[str, Any]) -> str:
    deployment, last = row.get("deployment"), row.get("last")
    way = (
        f"{deployment['title'] or deployment['request']['source']} ({deployment['state']})"
        if deployment
        else ""
    )
    outcome = f"{last['title'] or last['source']} {last['outcome']}" if last else ""
    outcome += f": {last['reason']}" if last and last["reason"] else ""
    free, heat = row.get("disk_free_mb"), row.get("temperature_c")
    cells = (
        row["device"],
        row.get("model") or row["state"],
        (row.get("digest") or "")[:12],
        row.get("version", ""),
        way,
        outcome,
        "" if free is None else f"{free} MB",
        "" if heat is None else f"{heat:.0f} °C",
        "; ".join(row["remarks"]),
    )
    kind = {"on its way": "way"}.get(row["state"], row["state"])
    return f'<tr class="{kind}">{"".join(f"<td>{escape(str(cell))}</td>" for cell in cells)}</tr>'
