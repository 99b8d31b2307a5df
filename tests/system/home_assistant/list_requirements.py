"""Print what the integrations of a plain Home Assistant with MQTT need beside Home Assistant itself; runs in its environment."""

import json
from pathlib import Path

import homeassistant.components
from homeassistant import bootstrap

_IMPORTED = {"hassio", "mqtt"}
"""MQTT's set-up imports the Supervisor's integration, which it does not depend on."""
_PLATFORMS = {"binary_sensor", "button", "image", "number", "sensor", "switch", "update"}


def main() -> None:
    """Print one requirement a line."""
    folder = Path(homeassistant.components.__file__).parent
    waiting = {
        *bootstrap.DEFAULT_INTEGRATIONS,
        *bootstrap.CORE_INTEGRATIONS,
        *_IMPORTED,
        *_PLATFORMS,
    }
    seen: set[str] = set()
    requirements: set[str] = set()
    while waiting:
        name = waiting.pop()
        seen.add(name)
        manifest = json.loads((folder / name / "manifest.json").read_text("utf-8"))
        requirements.update(manifest.get("requirements", ()))
        waiting |= set(manifest.get("dependencies", ())) - seen
    print("\n".join(sorted(requirements)))


if __name__ == "__main__":
    main()
