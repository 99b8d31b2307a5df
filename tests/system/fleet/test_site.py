"""Blank hosts become a fleet, stay one, and are retired."""

import json
from pathlib import Path
from typing import Any

import pytest

from system.commands import run
from system.debs import built_package, repack_with_version
from system.fleet.apt_repository import AptRepository
from system.fleet.controller import PlaybookRun
from system.fleet.fleet import DEVICES, EDGETPU_DEVICE, MachineFleet
from system.machines import Machine

_TOML = "/etc/edged/edged.toml"
_RULES = "/etc/nftables.conf"


def test_a_dry_run_lists_what_would_be_done(dry_run: PlaybookRun) -> None:
    assert all(one.changed for one in dry_run.counts.values()), dry_run.output
    assert '"path": "/var/lib/edged-packages"' in dry_run.output, dry_run.output


def test_one_playbook_turns_blank_hosts_into_devices(
    first_run: PlaybookRun, fleet: MachineFleet
) -> None:
    counts = first_run.counts
    assert set(counts) == {"hub", *fleet.devices}
    assert not any(one.failed or one.unreachable for one in counts.values()), first_run.output
    assert all(one.changed for one in counts.values())
    assert "PRIVATE KEY" not in first_run.output


def test_the_runtime_of_an_edgetpu_is_where_it_is_wanted_alone(fleet: MachineFleet) -> None:
    found = "ldconfig -p | grep -c libedgetpu.so.1 || true"
    counts = {name: host.run_script(found).strip() for name, host in fleet.devices.items()}
    assert counts == {**dict.fromkeys(DEVICES, "0"), EDGETPU_DEVICE: "1"}


@pytest.mark.parametrize("device", DEVICES)
def test_each_device_publishes_to_the_broker(device: str, fleet: MachineFleet) -> None:
    since = fleet.listener.position()
    seen = fleet.listener.await_message(
        device, "/detections", lambda b: b["detections"], after=since
    )
    assert seen["device"] == device
    assert fleet.listener.await_message(device, "/events")["camera"] == "room"
    assert fleet.listener.await_message(device, "/status", lambda b: b["status"] == "online")


def test_a_second_run_changes_nothing(fleet: MachineFleet) -> None:
    again = fleet.controller.play("site")
    assert {host: one.changed for host, one in again.counts.items()} == dict.fromkeys(
        again.counts, 0
    ), again.output


def test_a_dry_run_shows_what_would_become_of_the_configuration(fleet: MachineFleet) -> None:
    before = fleet.devices["pi1"].run("cat", _TOML).stdout
    played = fleet.controller.play(
        "site",
        "--check",
        "--diff",
        "--limit=pi1",
        edged_config_host={"detect": {"threshold": 0.77}},
    )
    assert "+threshold = 0.77" in played.output
    assert fleet.devices["pi1"].run("cat", _TOML).stdout == before


def test_a_run_that_fails_half_way_leaves_the_service_alone_and_is_made_up_for(
    fleet: MachineFleet,
) -> None:
    """Check that the next run restarts the service, although systemd's limit of restarts is reached."""
    host = fleet.devices["pi4"]
    limit = "/run/systemd/system/edged.service.d/limit.conf"
    host.write(limit, "[Unit]\nStartLimitBurst=1\n")
    host.run_script(
        "systemctl daemon-reload; systemctl reset-failed edged; systemctl restart edged"
    )
    before, pid = host.run("cat", _TOML).stdout, _main_pid(host)
    failed = fleet.controller.play(
        "site",
        "--limit=pi4",
        check=False,
        edged_files={"labels.txt": "circle"},
        edged_config_host={"detect": {"threshhold": 0.77}},
    )
    assert failed.counts["pi4"].failed
    assert "threshhold" in failed.output
    assert (host.run("cat", _TOML).stdout, _main_pid(host)) == (before, pid)

    again = fleet.controller.play("site", "--limit=pi4")
    assert again.counts["pi4"].changed == 1, again.output
    assert _main_pid(host) not in {"0", pid}
    host.run_script(f"rm {limit}; systemctl daemon-reload")


def test_what_is_changed_takes_effect(fleet: MachineFleet) -> None:
    """Check that changes take effect, also of tables that need a restart."""
    variables = {"mqtt": {"keepalive_s": 77}}
    fleet.controller.play("site", "--limit=pi1", edged_config_host=variables)
    assert " k77" in fleet.broker.run("cat", "/var/log/mosquitto/mosquitto.log").stdout
    fleet.controller.play("site", "--limit=pi1")


def test_the_report_has_everybody(fleet: MachineFleet) -> None:
    reports = fleet.controller.folder / "reports"
    fleet.controller.play("fleet_report", report_folder=str(reports))
    rows = json.loads((reports / "fleet.json").read_text())
    assert [row["device"] for row in rows] == list(fleet.devices)
    page = (reports / "fleet.html").read_text()
    assert all(device in page for device in fleet.devices)


def test_who_is_retired_leaves_nothing_behind_and_can_come_back(fleet: MachineFleet) -> None:
    host = fleet.devices["pi3"]
    assert fleet.listener.retained("pi3")
    fleet.controller.play("retire", "--limit=pi3", retire_confirm="pi3")
    assert host.run("dpkg", "--status", "edged", check=False).returncode
    host.run_script("! test -e /etc/edged && ! test -e /var/lib/edged && ! test -e /opt/edged")
    assert not fleet.listener.retained("pi3")

    since = fleet.listener.position()
    fleet.controller.play("site", "--limit=pi3")
    fleet.listener.await_message("pi3", "/detections", after=since)


def test_no_client_without_a_certificate_receives_or_publishes_anything(
    fleet: MachineFleet,
) -> None:
    authority = fleet.controller.folder.parent / "authority"
    reach = ["-h", fleet.broker.address, "-p", "8883", "--cafile", str(authority / "ca.crt")]
    subscribe = ["mosquitto_sub", *reach, "-t", "edged/v1/#", "-C", "1", "-W", "20"]
    publish = ["mosquitto_pub", *reach, "-q", "1", "-t", "edged/v1/pi1/up/said", "-m"]
    own = [
        "--cert", str(authority / "controller.crt"), "--key", str(authority / "controller.key"),
    ]  # fmt: skip
    refused = "cat /var/log/mosquitto/mosquitto.log | grep -c 'peer did not return a certificate'"
    before = int(fleet.broker.run_script(f"{refused} || true"))
    timed_out = 27
    assert fleet.network.run(*subscribe, check=False).returncode not in {0, timed_out}
    assert fleet.network.run(*publish, '{"by": "a stranger"}', check=False).returncode
    assert int(fleet.broker.run_script(refused)) == before + 2

    assert fleet.network.run(*subscribe, *own).stdout
    fleet.network.run(*publish, '{"by": "the controller"}', *own)
    fleet.listener.await_message("pi1", "/said")
    assert fleet.listener.messages("pi1", "/said") == [{"by": "the controller"}]


@pytest.mark.parametrize("device", DEVICES)
def test_a_device_lets_ssh_in_and_nobody_else(device: str, fleet: MachineFleet) -> None:
    host = fleet.devices[device]
    fleet.controller.check_ssh(host)
    dial = f"exec 3<>/dev/tcp/{host.address}/9999"
    closed = ["timeout", "2", "bash", "-c", dial]
    timed_out = 124
    # An open port without a listener refuses at once.
    assert fleet.network.run(*closed, check=False).returncode == timed_out


def test_rules_that_shut_the_controller_out_are_undone_and_not_kept(fleet: MachineFleet) -> None:
    host = fleet.devices["pi1"]
    before = host.run("cat", _RULES).stdout
    played = fleet.controller.play("site", "--limit=pi1", check=False, base_ssh_ports=[9])
    assert played.counts["pi1"].failed
    assert "cannot be reached under the firewall's new rules" in played.output
    assert host.run("cat", _RULES).stdout == before
    with pytest.raises(AssertionError):
        fleet.controller.check_ssh(host)

    host.run("systemctl", "is-active", "edged-firewall-undo.timer")
    host.run(
        "systemctl", "start", "edged-firewall-undo.service"
    )  # this would happen by itself after two minutes
    fleet.controller.check_ssh(host)
    assert not fleet.controller.play("site", "--limit=pi1").counts["pi1"].changed


def test_a_repository_gives_its_newest_version_or_the_one_that_is_named(
    fleet: MachineFleet, tmp_path: Path
) -> None:
    host, first = fleet.devices["pi1"], built_package(DEVICES["pi1"])
    (tmp_path / "debs").mkdir()
    archive = AptRepository(tmp_path / "archive")
    archive.add_package(first)
    variables: dict[str, Any] = {
        "edged_package": "",
        "edged_repository": {
            "uris": fleet.mirror.publish_file(tmp_path / "archive"),
            "suites": "./",
            "key": str(archive.key),
        },
    }
    fleet.controller.play("site", "--limit=pi1", **variables)
    archive.add_package(repack_with_version(first, "9.1", tmp_path / "debs"))
    archive.stop_gpg()
    fleet.controller.play("site", "--limit=pi1", **variables)
    assert _installed_version(host) == "9.1~bookworm"
    assert not fleet.controller.play("site", "--limit=pi1", **variables).counts["pi1"].changed
    fleet.controller.play("site", "--limit=pi1", edged_version=_package_version(first), **variables)
    assert _installed_version(host) == _package_version(first)
    host.run_script("rm /etc/apt/sources.list.d/edged.sources")


def _main_pid(host: Machine) -> str:
    return host.run("systemctl", "show", "--property=MainPID", "--value", "edged").stdout.strip()


def _installed_version(host: Machine) -> str:
    return host.run("dpkg-query", "--show", "--showformat=${Version}", "edged").stdout


def _package_version(deb: Path) -> str:
    return run(["dpkg-deb", "--field", str(deb), "Version"]).stdout.strip()
