"""Run a headless Home Assistant core with its MQTT integration; runs in Home Assistant's environment, without edged.

Each line on standard input is a JSON list: ``["states"]``, ``["call", DOMAIN, SERVICE, DATA]``, ``["image", ENTITY_ID]``,
``["notifications"]`` or ``["log"]``; the answer is one line of JSON. The service notify.mobile_app_phone records what it gets.
"""

import asyncio
import base64
import json
import logging
import sys
from pathlib import Path
from typing import Any

from homeassistant import bootstrap, runner
from homeassistant.core import HomeAssistant, ServiceCall
from homeassistant.helpers import entity_registry

_MQTT_ENTRY: dict[str, Any] = {
    "created_at": "2026-01-01T00:00:00+00:00",
    "data": {"broker": "127.0.0.1"},
    "disabled_by": None,
    "discovery_keys": {},
    "domain": "mqtt",
    "entry_id": "edged",
    "minor_version": 1,
    "modified_at": "2026-01-01T00:00:00+00:00",
    "options": {"discovery": True},
    "pref_disable_new_entities": False,
    "pref_disable_polling": False,
    "source": "user",
    "subentries": [],
    "title": "broker",
    "unique_id": None,
    "version": 1,
}


class _Records(logging.Handler):
    """The log records from warnings on."""

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self.lines: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.lines.append(f"{record.name}: {record.getMessage()}")


def _write_configuration(folder: Path, broker_port: int, http_port: int, automations: str) -> None:
    (folder / "configuration.yaml").write_text(
        f"http:\n  server_host: 127.0.0.1\n  server_port: {http_port}\n{automations}"
    )
    entry = _MQTT_ENTRY | {"data": {"broker": "127.0.0.1", "port": broker_port}}
    stored = {
        "version": 1,
        "minor_version": 5,
        "key": "core.config_entries",
        "data": {"entries": [entry]},
    }
    storage = folder / ".storage"
    storage.mkdir(exist_ok=True)
    if not (storage / "core.config_entries").exists():
        (storage / "core.config_entries").write_text(json.dumps(stored))


def _list_states(hass: HomeAssistant) -> dict[str, Any]:
    registry = entity_registry.async_get(hass)
    states = {}
    for state in hass.states.async_all():
        entry = registry.async_get(state.entity_id)
        states[state.entity_id] = {
            "state": state.state,
            "attributes": json.loads(json.dumps(dict(state.attributes), default=str)),
            "unique_id": entry.unique_id if entry else None,
        }
    return states


def _record_notifications(hass: HomeAssistant) -> list[dict[str, Any]]:
    """Register a telephone, and return the list of what is sent to it."""
    notifications: list[dict[str, Any]] = []

    async def notify(call: ServiceCall) -> None:
        notifications.append(json.loads(json.dumps(dict(call.data), default=str)))

    hass.services.async_register("notify", "mobile_app_phone", notify)
    return notifications


async def _answer(
    hass: HomeAssistant, records: _Records, notifications: list[dict[str, Any]], request: list[Any]
) -> Any:
    match request:
        case ["notifications"]:
            return notifications
        case ["states"]:
            return _list_states(hass)
        case ["call", domain, service, data]:
            await hass.services.async_call(domain, service, data, blocking=True)
            return None
        case ["image", entity_id]:
            content = await hass.data["image"].get_entity(entity_id).async_image()
            return base64.b64encode(content or b"").decode()
        case ["log"]:
            return records.lines
        case _:
            raise ValueError(request)


async def _serve(hass: HomeAssistant, records: _Records) -> None:
    notifications = _record_notifications(hass)
    loop = asyncio.get_running_loop()
    while line := await loop.run_in_executor(None, sys.stdin.readline):
        try:
            answer = {"answer": await _answer(hass, records, notifications, json.loads(line))}
        except Exception as error:  # noqa: BLE001 - the test sees it
            answer = {"error": f"{type(error).__name__}: {error}"}
        print(json.dumps(answer), flush=True)


async def _main(folder: Path, broker_port: int, http_port: int, automations: str) -> None:
    _write_configuration(folder, broker_port, http_port, automations)
    records = _Records()
    logging.getLogger().addHandler(records)
    config = runner.RuntimeConfig(config_dir=str(folder), skip_pip=True, log_no_color=True)
    hass = await bootstrap.async_setup_hass(config)
    if hass is None or hass.config.recovery_mode:
        raise SystemExit(f"Home Assistant did not start: {records.lines}")
    await hass.async_start()
    print(json.dumps({"answer": "started"}), flush=True)
    await _serve(hass, records)
    await hass.async_stop()


if __name__ == "__main__":
    asyncio.run(_main(Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]), sys.argv[4]))
