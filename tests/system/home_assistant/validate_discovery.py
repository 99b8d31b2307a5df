"""Run Home Assistant's own validation over discovery messages; runs in Home Assistant's environment, without edged.

Reads one discovery payload a line from standard input, and prints one JSON list a line: what Home Assistant would say against it. A key that
its schemas drop without a word counts, too.
"""

import asyncio
import importlib
import json
import sys

from homeassistant.components.mqtt import discovery, schemas
from homeassistant.core import HomeAssistant

_ALWAYS_ADDED = {"device", "origin"}


def find_problems(text: str) -> list[str]:
    """Return what Home Assistant would say against a message."""
    message = json.loads(text)
    discovery._replace_all_abbreviations(message)
    try:
        checked = schemas.DEVICE_DISCOVERY_SCHEMA(json.loads(json.dumps(message)))
        check_components = getattr(schemas, "validate_device_discovery_components", None)
        if check_components is not None:  # from 2026.11 on
            check_components(checked)
    except Exception as error:  # noqa: BLE001 - whatever it raises is the answer
        return [f"device: {error}"]
    shared = {key: value for key, value in message.items() if key in schemas.SHARED_OPTIONS}
    problems = []
    for name, component in message["components"].items():
        platform = component.pop("platform")
        if not component:
            continue
        config = {**shared, **component, "device": message["device"], "origin": message["origin"]}
        module = importlib.import_module(f"homeassistant.components.mqtt.{platform}")
        try:
            accepted = module.DISCOVERY_SCHEMA(config)
        except Exception as error:  # noqa: BLE001 - as above
            problems.append(f"{name} ({platform}): {error}")
            continue
        dropped = set(component) - {str(key) for key in accepted}
        problems += [f"{name} ({platform}): the key {key} is dropped" for key in sorted(dropped)]
    return problems


async def _main() -> None:
    HomeAssistant("/tmp")  # noqa: S108 - templates are checked for the Home Assistant of this thread
    for line in sys.stdin:
        print(json.dumps(find_problems(line)))


if __name__ == "__main__":
    asyncio.run(_main())
