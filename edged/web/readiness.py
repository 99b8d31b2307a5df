"""The answer of /readyz: whether the device does its work, in words. No I/O."""

from collections.abc import Mapping
from typing import Any


def find_obstacles(health: Mapping[str, Any] | None) -> list[str]:
    """Return why the device is not ready, each as a sentence; an empty list if it is.

    Args:
        health: the last `up/health`, decoded; None if there was none yet.
    """
    if health is None:
        return ["the daemon starts: it has reported no health yet"]
    conditions = health["degradations"]
    obstacles = [f"{one['name']}: {one['detail']}" for one in conditions]
    named = {one["name"] for one in conditions}
    obstacles += [
        f"camera.{name}: the camera delivers no frames"
        for name, camera in health["cameras"].items()
        if not camera["online"] and f"camera.{name}" not in named
    ]
    return obstacles
