"""Blank hosts become a fleet, stay one, and leave it."""

import json

import pytest

from system.fleet.controller import Played
from system.fleet.fleet import DEVICES, HAS_EDGETPU, Fleet

_TOML = "/etc/edged/edged.toml"


def test_a_dry_run_says_what_would_be_done(dry_run: Played) -> None:
    assert all(one.changed for one in dry_run.counts.values()), dry_run.said
    assert '"path": "/var/lib/edged-packages"' in dry_run.said, dry_run.said


def test_one_playbook_turns_blank_hosts_into_devices(first_run: Played, fleet: Fleet) -> None:
    counts = first_run.counts
    assert set(counts) == {"hub", *fleet.devices}
    assert not any(one.failed or one.unreachable for one in counts.values()), first_run.said
    assert all(one.changed for one in counts.values())
    assert "PRIVATE KEY" not in first_run.said


def test_the_runtime_of_an_edgetpu_is_where_it_is_wanted_alone(fleet: Fleet) -> None:
    found = "ldconfig -p | grep -c libedgetpu.so.1 || true"
    counts = {name: host.sh(found).strip() for name, host in fleet.devices.items()}
    assert counts == {**dict.fromkeys(DEVICES, "0"), HAS_EDGETPU: "1"}


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


def test_a_dry_run_shows_what_would_become_of_the_configuration(fleet: Fleet) -> None:
    before = fleet.devices["pi1"].run("cat", _TOML).stdout
    played = fleet.controller.play(
        "site",
        "--check",
        "--diff",
        "--limit=pi1",
        edged_config_host={"detect": {"threshold": 0.77}},
    )
    assert "+threshold = 0.77" in played.said
    assert fleet.devices["pi1"].run("cat", _TOML).stdout == before


def test_a_configuration_that_edged_cannot_use_does_not_take_the_old_ones_place(
    fleet: Fleet,
) -> None:
    before = fleet.devices["pi1"].run("cat", _TOML).stdout
    played = fleet.controller.play(
        "site", "--limit=pi1", check=False, edged_config_host={"detect": {"treshold": 0.77}}
    )
    assert played.counts["pi1"].failed
    assert "treshold" in played.said
    assert fleet.devices["pi1"].run("cat", _TOML).stdout == before


def test_what_is_changed_takes_effect(fleet: Fleet) -> None:
    """Of the tables too that a reload leaves as they are."""
    told = {"mqtt": {"keepalive_s": 77}}
    fleet.controller.play("site", "--limit=pi1", edged_config_host=told)
    assert " k77" in fleet.broker.run("cat", "/var/log/mosquitto/mosquitto.log").stdout
    fleet.controller.play("site", "--limit=pi1")


def test_the_report_has_everybody(fleet: Fleet) -> None:
    reports = fleet.controller.folder / "reports"
    fleet.controller.play("fleet_report", report_folder=str(reports))
    rows = json.loads((reports / "fleet.json").read_text())
    assert [row["device"] for row in rows] == list(fleet.devices)
    page = (reports / "fleet.html").read_text()
    assert all(device in page for device in fleet.devices)


def test_who_is_retired_leaves_nothing_behind_and_can_come_back(fleet: Fleet) -> None:
    host = fleet.devices["pi3"]
    assert fleet.listener.retained("pi3")
    fleet.controller.play("retire", "--limit=pi3", retire_confirm="pi3")
    assert host.run("dpkg", "--status", "edged", check=False).returncode
    host.sh("! test -e /etc/edged && ! test -e /var/lib/edged && ! test -e /opt/edged")
    assert not fleet.listener.retained("pi3")

    since = fleet.listener.now()
    fleet.controller.play("site", "--limit=pi3")
    fleet.listener.await_one("pi3", "/detections", after=since)


def test_nobody_without_a_certificate_hears_or_says_anything(fleet: Fleet) -> None:
    ca = fleet.controller.folder.parent / "authority/ca.crt"
    stranger = [
        "mosquitto_sub", "-h", fleet.broker.address, "-p", "8883", "--cafile", str(ca),
        "-t", "#", "-W", "5",
    ]  # fmt: skip
    assert fleet.network.run(*stranger, check=False).returncode != 0
