"""Blank hosts become a fleet, and stay one."""

import pytest

from system.fleet.controller import Played
from system.fleet.fleet import DEVICES, Fleet

_STOP_S = 2.0


def test_one_playbook_turns_blank_hosts_into_devices(first_run: Played, fleet: Fleet) -> None:
    counts = first_run.counts
    assert set(counts) == {"hub", *fleet.devices}
    assert not any(one.failed or one.unreachable for one in counts.values()), first_run.said
    assert all(one.changed for one in counts.values())


@pytest.mark.parametrize("device", DEVICES)
def test_each_device_is_heard_at_the_broker(device: str, fleet: Fleet) -> None:
    since = fleet.listener.now()
    seen = fleet.listener.await_one(device, "/detections", lambda b: b["detections"], after=since)
    assert seen["device"] == device
    assert fleet.listener.await_one(device, "/events")["camera"] == "room"
    assert fleet.listener.await_one(device, "/status", lambda b: b["status"] == "online")


def test_a_second_run_changes_nothing(fleet: Fleet) -> None:
    again = fleet.controller.play("site")
    assert {host: one.changed for host, one in again.counts.items()} == dict.fromkeys(
        again.counts, 0
    ), again.said


def test_nobody_without_a_certificate_hears_or_says_anything(fleet: Fleet) -> None:
    ca = fleet.controller.folder.parent / "authority/ca.crt"
    stranger = [
        "mosquitto_sub", "-h", fleet.broker.address, "-p", "8883", "--cafile", str(ca),
        "-t", "#", "-W", "5",
    ]  # fmt: skip
    assert fleet.network.run(*stranger, check=False).returncode != 0
