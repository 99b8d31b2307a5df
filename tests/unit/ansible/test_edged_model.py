"""The modules edged_model and edged_model_info, on devices whose `edged` is a stand-in."""

from pathlib import Path
from typing import Any

import pytest

from support import fake_edged
from support.bundles import SigningKeys, make_bundle
from support.simulated_fleet import AnsibleController, SimulatedFleet, needs_ansible

pytestmark = needs_ansible

FAKE = fake_edged.__file__
DIGEST = "ab" * 32
URL = "https://models.example/marks-2.edgem"


class ModuleDevice:
    """One device, and the modules that run on it."""

    def __init__(self, folder: Path, **behaviour: Any) -> None:
        self.fleet = SimulatedFleet(folder)
        self.name = self.fleet.add(**behaviour)
        self.folder = folder / self.name
        self.module_arguments: dict[str, Any] = {
            "command": FAKE,
            "config": str(self.folder / "device.json"),
        }
        self.controller = AnsibleController(folder)

    def model(self, *, check: bool = False, **arguments: Any) -> dict[str, Any]:
        wanted = {"src": URL, "digest": DIGEST} | arguments
        return self.controller.run_module(
            "edged_model", check=check, **self.module_arguments, **wanted
        )

    def info(self, **arguments: Any) -> dict[str, Any]:
        arguments = {"root": str(self.folder), "state_dir": str(self.folder)} | arguments
        return self.controller.run_module("edged_model_info", **self.module_arguments, **arguments)

    @property
    def verbs(self) -> list[str]:
        return [verb for verb in self.fleet.verbs(self.name) if verb != "status"]

    def change_status(self, **status: Any) -> None:
        device = self.fleet.read_device(self.name)
        device["status"] |= status
        self.fleet.write_device(self.name, device)


def test_a_model_is_installed_once(tmp_path: Path) -> None:
    device = ModuleDevice(tmp_path)
    first = device.model()
    assert (first["changed"], first["outcome"]) == (True, "committed")
    assert first["diff"]["before"] == "factory: marks@1\n"
    assert first["diff"]["after"] == f"current: marks@2 {DIGEST[:12]}\nfactory: marks@1\n"
    second = device.model()
    assert (second["changed"], second["outcome"]) == (False, "committed")
    assert second["diff"]["before"] == second["diff"]["after"]
    assert device.verbs == ["install", "wait"]


def test_check_mode_requests_nothing(tmp_path: Path) -> None:
    device = ModuleDevice(tmp_path)
    result = device.model(check=True)
    assert (result["changed"], result["outcome"]) == (True, "would-start")
    assert result["diff"]["after"] == f"current: {URL} {DIGEST[:12]}\nprevious: marks@1\n"
    assert device.verbs == []
    device.model()
    assert not device.model(check=True)["changed"]


@pytest.mark.parametrize("outcome", ["rolled-back", "rejected"])
def test_the_reason_on_the_device_is_the_failure(tmp_path: Path, outcome: str) -> None:
    device = ModuleDevice(tmp_path, outcome=outcome, reason="f1 0.2 is below 0.6")
    result = device.model()
    assert result["failed"]
    assert result["msg"] == f"marks@2: {outcome}: f1 0.2 is below 0.6"
    assert (result["outcome"], result["reason"]) == (outcome, "f1 0.2 is below 0.6")
    again = device.model()
    assert again["failed"]
    assert again["msg"].startswith("this version failed on this device before: f1 0.2")
    assert device.verbs == ["install", "wait"]
    assert device.model(force=True)["msg"] == result["msg"]


def test_a_refusal_is_reported(tmp_path: Path) -> None:
    device = ModuleDevice(tmp_path, refusal="no update is taken without updates.trust")
    result = device.model()
    assert (result["failed"], result["msg"]) == (True, "no update is taken without updates.trust")


def test_without_waiting_it_is_under_way_and_then_waited_for(tmp_path: Path) -> None:
    device = ModuleDevice(tmp_path, trial_s=600, flagged=True, reason="few boxes")
    begun = device.model(wait=False)
    assert (begun["changed"], begun["outcome"]) == (True, "in-progress")
    adopted = device.model(wait=False)
    assert (adopted["changed"], adopted["id"]) == (False, begun["id"])
    device.fleet.end_trial(device.name)
    ended = device.model(deployment=begun["id"])
    assert (ended["outcome"], ended["flagged"], ended["reason"]) == ("committed", True, "few boxes")
    assert device.verbs == ["install"]


def test_a_deployment_that_is_over_is_not_begun_again(tmp_path: Path) -> None:
    device = ModuleDevice(tmp_path, outcome="rejected", reason="for another board")
    begun = device.model(wait=False)
    device.change_status(denied={})
    device.info()
    ended = device.model(deployment=begun["id"])
    assert ended["msg"] == "marks@2: rejected: for another board"
    assert device.verbs == ["install"]


def test_the_time_is_up(tmp_path: Path) -> None:
    device = ModuleDevice(tmp_path, trial_s=60)
    result = device.model(timeout=0.05)
    assert (result["failed"], result["outcome"]) == (True, "in-progress")
    assert result["msg"] == "not finished within the timeout: trial"


def test_another_model_on_its_way_is_not_disturbed(tmp_path: Path) -> None:
    device = ModuleDevice(tmp_path, trial_s=60)
    device.model(wait=False, digest="cd" * 32)
    result = device.model()
    assert result["failed"]
    assert result["msg"].startswith("another deployment is in progress: marks@2 (trial)")


def test_a_model_configured_by_path_is_left_alone(tmp_path: Path) -> None:
    device = ModuleDevice(tmp_path)
    device.change_status(pinned="/m.tflite")
    assert device.model()["msg"] == "model.path is set to /m.tflite: the device accepts no updates"


def test_the_digest_of_a_file_is_read_from_it(tmp_path: Path) -> None:
    bundle = make_bundle(tmp_path, SigningKeys())
    device = ModuleDevice(tmp_path)
    result = device.controller.run_module(
        "edged_model", **device.module_arguments, src=str(bundle), remove=True
    )
    assert result["outcome"] == "committed"
    assert device.fleet.digest(device.name) == result["digest"]
    assert not bundle.exists()


def test_a_bundle_whose_end_is_not_known_stays(tmp_path: Path) -> None:
    bundle = make_bundle(tmp_path, SigningKeys())
    device = ModuleDevice(tmp_path, trial_s=60)
    assert device.model(src=str(bundle), remove=True, wait=False)["outcome"] == "in-progress"
    assert bundle.exists()


@pytest.mark.parametrize(
    ("src", "reason"),
    [
        (URL, "digest is required with a URL"),
        ("/nowhere.edgem", "/nowhere.edgem cannot be read"),
        (FAKE, "is not a bundle"),
    ],
)
def test_what_is_no_bundle_is_named(tmp_path: Path, src: str, reason: str) -> None:
    device = ModuleDevice(tmp_path)
    result = device.controller.run_module("edged_model", **device.module_arguments, src=src)
    assert result["failed"]
    assert reason in result["msg"]


def test_a_command_that_fails_is_reported(tmp_path: Path) -> None:
    device = ModuleDevice(tmp_path, breaks_off=True)
    assert device.model()["msg"] == (
        "`edged model wait` gave no response (exit code 1): edged: the daemon does not respond"
    )
    device.module_arguments["command"] = "/nowhere/edged"
    assert "No such file" in device.model()["msg"]


def test_back_from_a_version_where_it_is(tmp_path: Path) -> None:
    device = ModuleDevice(tmp_path)
    back: dict[str, Any] = {
        "state": "rolled_back",
        "digest": DIGEST,
        "reason": "misses marks at night",
    }
    assert not device.model(**back)["changed"]
    device.model()
    assert device.model(check=True, **back)["changed"]
    result = device.model(**back)
    assert (result["changed"], result["outcome"], result["reason"]) == (
        True,
        "rolled-back",
        "misses marks at night",
    )
    assert not device.model(**back)["changed"]
    assert device.verbs == ["install", "wait", "rollback"]


def test_info_lists_models_and_board(tmp_path: Path) -> None:
    device = ModuleDevice(tmp_path)
    device.model()
    for name, content in {
        "sys/devices/platform/soc@107c000000/soc@107c000000:firmware/get_throttled": "50005",
        "sys/class/thermal/thermal_zone0/temp": "61500",
        "sys/class/power_supply/bat/type": "Battery",
        "sys/class/power_supply/bat/status": "Discharging",
        "sys/class/power_supply/bat/capacity": "41",
        "proc/device-tree/model": "Raspberry Pi 5 Model B Rev 1.0\0",
    }.items():
        (device.folder / name).parent.mkdir(parents=True, exist_ok=True)
        (device.folder / name).write_text(content + "\n")
    info = device.info(version=True)
    assert (info["title"], info["digest"], info["version"]) == ("marks@2", DIGEST, "9.9")
    board = info["board"]
    assert board["throttling"] == ["under-voltage", "throttled"]
    assert (board["temperature_c"], board["battery_percent"]) == (61.5, 41)
    assert board["model"] == "Raspberry Pi 5 Model B Rev 1.0"
    assert board["disk_free_mb"] > 0


@pytest.mark.parametrize(("alarm", "throttling"), [("1", ["under-voltage"]), ("0", [])])
def test_info_goes_by_the_alarm_where_the_firmwares_word_is_not_passed_on(
    tmp_path: Path, alarm: str, throttling: list[str]
) -> None:
    device = ModuleDevice(tmp_path)
    sensor = device.folder / "sys/class/hwmon/hwmon1"
    sensor.mkdir(parents=True)
    (sensor / "name").write_text("rpi_volt\n")
    (sensor / "in0_lcrit_alarm").write_text(f"{alarm}\n")
    assert device.info()["board"]["throttling"] == throttling


def test_what_a_board_does_not_have_is_null(tmp_path: Path) -> None:
    board = ModuleDevice(tmp_path).info()["board"]
    assert (board["throttling"], board["temperature_c"], board["battery_percent"]) == (
        None,
        None,
        None,
    )
