"""What /readyz says for a device's health."""

from typing import Any

from edged.web.readiness import find_obstacles


def health(*conditions: tuple[str, str], **cameras: bool) -> dict[str, Any]:
    return {
        "degradations": [{"name": name, "detail": detail} for name, detail in conditions],
        "cameras": {name: {"online": is_online} for name, is_online in cameras.items()},
    }


def test_a_device_without_conditions_whose_cameras_deliver_is_ready() -> None:
    assert find_obstacles(health(front=True, back=True)) == []


def test_a_device_that_has_reported_no_health_is_not() -> None:
    (obstacle,) = find_obstacles(None)
    assert "starts" in obstacle


def test_every_condition_is_an_obstacle_and_a_camera_stands_there_once() -> None:
    assert find_obstacles(
        health(("camera.front", "it is gone"), ("late", "slow"), front=False, back=False)
    ) == [
        "camera.front: it is gone",
        "late: slow",
        "camera.back: the camera delivers no frames",
    ]
