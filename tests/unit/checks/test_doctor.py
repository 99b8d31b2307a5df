"""What the doctor thinks of what it sees: rules, and the way in which it looks."""

import json
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from msgspec.structs import replace

from edged.checks.doctor import accelerator, host, parts
from edged.checks.doctor import daemon_findings as running
from edged.checks.doctor import rules as judging
from edged.checks.doctor.finding import Finding, fail, ok, warn, worst_status
from edged.checks.doctor.runner import run_in_parallel
from edged.checks.systemd_unit import UnitState
from edged.cli.main import main
from edged.clock import SystemClock
from edged.config.load import load_config
from edged.config.settings import Settings
from edged.daemon.status_files import StatusFiles, read_status_file
from edged.host.board import Board, ThrottlingFlags
from edged.messaging.contract.device import DeviceHealth, DeviceInfo, DiskHealth, HealthCondition
from edged.updates.rules.ledger import Deployment, DeploymentRequest
from edged.updates.service.control_messages import ModelStatus, VersionStatus
from support.examples import BEFORE, examples, stamper
from support.examples import health as example_health

HEALTHY_SERVICE = UnitState(
    active_state="active",
    unit_file_state="enabled",
    needs_daemon_reload=False,
    status_text="",
    restarts=0,
    exit_status=None,
    has_watchdog=True,
)


def verdict_of(finding: Finding) -> str:
    assert finding.message
    assert finding.advice or finding.status == "ok", "whoever is told of trouble is told what to do"
    return finding.status


@pytest.mark.parametrize(
    ("changes", "verdict", "advice"),
    [
        ({}, "ok", ""),
        ({"active_state": "failed"}, "fail", "journalctl"),
        ({"active_state": "inactive"}, "fail", "systemctl start"),
        ({"active_state": "activating"}, "warn", "ask again"),
        ({"active_state": "activating", "restarts": 1}, "fail", "journalctl"),
        ({"needs_daemon_reload": True}, "warn", "daemon-reload"),
        ({"has_watchdog": False}, "warn", "WatchdogSec"),
        ({"unit_file_state": "disabled"}, "warn", "enable"),
        ({"restarts": 2}, "warn", "journalctl"),
    ],
)
def test_the_service(changes: dict[str, object], verdict: str, advice: str) -> None:
    fields = {name: getattr(HEALTHY_SERVICE, name) for name in UnitState.__slots__}
    finding = judging.assess_service(UnitState(**(fields | changes)))
    assert verdict_of(finding) == verdict
    assert advice in finding.advice


def test_no_service_at_all_is_no_failure() -> None:
    assert verdict_of(judging.assess_service(None)) == "warn"


@pytest.mark.parametrize(
    ("bits", "verdict"),
    [
        (0, "ok"),
        (1 << 0, "fail"),
        (1 << 2, "warn"),
        (1 << 1, "warn"),
        (1 << 16, "warn"),
        (1 << 18, "warn"),
    ],
)
def test_the_power(bits: int, verdict: str) -> None:
    flags = ThrottlingFlags.from_bits(bits)
    assert verdict_of(judging.assess_power(flags, flags.under_voltage, "Raspberry Pi 4")) == verdict


@pytest.mark.parametrize(
    ("under_voltage", "model", "verdict"),
    [
        (None, "x86_64", "ok"),
        (None, "Raspberry Pi 5 Model B Rev 1.0", "warn"),
        (True, "Raspberry Pi 5 Model B Rev 1.0", "fail"),
        (False, "Raspberry Pi 5 Model B Rev 1.0", "ok"),
    ],
)
def test_the_power_without_the_firmwares_flags(
    under_voltage: bool | None,  # noqa: FBT001 - a parameter of the test
    model: str,
    verdict: str,
) -> None:
    assert verdict_of(judging.assess_power(None, under_voltage, model)) == verdict


def test_what_a_board_does_not_report_is_not_guessed() -> None:
    for finding in (
        judging.assess_power(None, None, ""),
        judging.assess_temperature(None),
        judging.assess_memory(None),
    ):
        assert (finding.status, "not measured" in finding.message) == ("ok", True)


def test_heat_memory_and_time() -> None:
    assert verdict_of(judging.assess_temperature(55.0)) == "ok"
    assert verdict_of(judging.assess_temperature(82.0)) == "warn"
    assert verdict_of(judging.assess_memory((1000.0, 500.0))) == "ok"
    assert verdict_of(judging.assess_memory((1000.0, 50.0))) == "warn"
    assert [verdict_of(judging.assess_clock(q)) for q in ("synced", "floor", "unsynced")] == [
        "ok",
        "warn",
        "fail",
    ]


@pytest.mark.parametrize(
    ("mb", "fault", "verdict"),
    [
        ((30_000.0, 20_000.0), "", "ok"),
        ((30_000.0, 100.0), "", "warn"),
        ((30_000.0, 5.0), "", "fail"),
        ((30_000.0, 20_000.0), "/x cannot be written: Read-only file system", "fail"),
    ],
)
def test_the_disk(mb: tuple[float, float], fault: str, verdict: str) -> None:
    finding = judging.assess_disk(mb, write_error=fault, required_mb=128.0)
    assert verdict_of(finding) == verdict
    assert fault in finding.message


def test_written_bytes_are_reported_by_the_day() -> None:
    finding = judging.assess_disk_wear(10.0, 36_000.0)
    assert (finding.status, finding.message) == ("ok", "10.0 MB written in 10.0 h, 24 MB a day")
    assert verdict_of(judging.assess_disk_wear(1000.0, 3600.0)) == "warn"
    assert judging.assess_disk_wear(100.0, 5.0).status == "ok", "a start says nothing about a day"
    assert "not measured" in judging.assess_disk_wear(None, 5.0).message


def test_a_model_without_xnnpack_is_worth_a_word() -> None:
    def speed(p95_ms: float, runtime: str, delegate: str) -> str:
        return verdict_of(
            judging.assess_model_latency(
                "m", p50_ms=1.0, p95_ms=p95_ms, runtime=runtime, delegate=delegate
            )
        )

    assert speed(20.0, "litert 2.3.0", "XNNPACK") == "ok"
    assert speed(20.0, "litert 2.3.0", "") == "warn"
    assert speed(20.0, "simulated 1", "") == "ok"
    assert speed(1500.0, "litert 2.3.0", "XNNPACK") == "warn"


def test_a_covered_lens() -> None:
    def look(contrast: float) -> str:
        return verdict_of(
            judging.assess_picture("camera.x", device="d", width=4, height=4, contrast=contrast)
        )

    assert (look(30.0), look(0.5)) == ("ok", "warn")


def put(root: Path, name: str, text: str) -> None:
    (root / name).parent.mkdir(parents=True, exist_ok=True)
    (root / name).write_text(text)


def test_an_edgetpu_is_found_and_held_against_the_configuration(tmp_path: Path) -> None:
    assert accelerator.find_edgetpus(tmp_path) == ()
    put(tmp_path, "sys/bus/usb/devices/1-1/idVendor", "18d1\n")
    put(tmp_path, "sys/bus/usb/devices/1-1/idProduct", "9302\n")
    put(tmp_path, "sys/bus/usb/devices/1-2/idVendor", "046d\n")
    put(tmp_path, "dev/apex_0", "")
    found = accelerator.find_edgetpus(tmp_path)
    assert found == ("USB", "PCIe (apex_0)")
    assert verdict_of(accelerator.assess_delegate(None, ())) == "ok"
    assert verdict_of(accelerator.assess_delegate(None, found)) == "warn"
    assert verdict_of(accelerator.assess_delegate("libedgetpu.so.1", found)) == "ok"
    assert verdict_of(accelerator.assess_delegate("libedgetpu.so.1", ())) == "fail"
    assert verdict_of(accelerator.assess_delegate("/opt/other.so", ())) == "ok"


def test_a_disk_is_written_to(tmp_path: Path) -> None:
    (finding,) = host.check_disk(Board(), tmp_path, Settings())
    assert finding.status in {"ok", "warn"}
    assert list(tmp_path.iterdir()) == []
    (finding,) = host.check_disk(Board(), tmp_path / "absent", Settings())
    assert finding.status == "fail"
    assert "absent" in finding.message


def test_one_that_hangs_or_breaks_does_not_hide_the_others() -> None:
    release = threading.Event()

    def hangs() -> Iterator[Finding]:
        release.wait()
        yield ok("b", "at last")

    def breaks() -> Iterator[Finding]:
        yield ok("c", "so far")
        raise ZeroDivisionError("a bug")

    looks = {"a": lambda: [ok("a", "well")], "b": hangs, "c": breaks}
    a, b, c, bug = run_in_parallel(looks, clock=SystemClock(), timeout_s=0.2)
    release.set()
    assert (a.status, b.status, c.status, bug.status) == ("ok", "fail", "ok", "fail")
    assert "0.2 s" in b.message
    assert "ZeroDivisionError" in bug.message


def test_the_worst_of_all() -> None:
    assert worst_status([]) == "ok"
    assert worst_status([ok("a", "x"), warn("b", "x"), ok("c", "x")]) == "warn"
    assert worst_status([fail("a", "x"), warn("b", "x")]) == "fail"


# ---- while the daemon runs


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    config = tmp_path / "edged.toml"
    config.write_text(
        f"""
        [device]
        state_dir = "{tmp_path}/state"
        [jsonl]
        path = "{tmp_path}/out.jsonl"
        [model]
        runtime = "simulated"
        [camera.front]
        source = "synthetic"
        """
    )
    return load_config(config).settings


def example_info() -> DeviceInfo:
    info = examples()["info"][0]
    assert isinstance(info, DeviceInfo)
    return info


def findings_by_part(health: DeviceHealth, settings: Settings) -> dict[str, Finding]:
    return {one.part: one for one in running.assess_health(health, example_info(), settings)}


def test_what_the_daemon_reports_becomes_findings(settings: Settings) -> None:
    camera = replace(example_health().cameras["front"], online=True)
    health = replace(
        example_health(),
        degradations=(),
        cameras={"front": camera},
        disk=DiskHealth(total_mb=1.0, free_mb=1.0, written_mb=0.5),
    )
    found = findings_by_part(health, settings)
    assert set(found) == {"camera.front", "model", "wear"}
    assert worst_status(found.values()) == "ok"


def test_a_camera_that_is_still_being_opened_is_no_failure(settings: Settings) -> None:
    camera = replace(example_health().cameras["front"], online=False)
    health = replace(example_health(), degradations=(), cameras={"front": camera})
    assert findings_by_part(health, settings)["camera.front"].status == "warn"


def test_the_daemons_warnings_are_passed_on(settings: Settings) -> None:
    def wrong(name: str, detail: str) -> HealthCondition:
        return HealthCondition(name=name, since=BEFORE, detail=detail)

    complaints = (
        wrong("camera.front", "it is gone"),
        wrong("model", "no such file"),
        wrong("spool", "the disk is full"),
        wrong("board.throttled", "too hot"),
    )
    found = findings_by_part(replace(example_health(), degradations=complaints), settings)
    assert (found["camera.front"].status, found["camera.front"].message) == ("fail", "it is gone")
    assert found["model"].status == "fail"
    assert (found["spool"].status, found["spool"].message) == ("warn", "the disk is full")
    assert "board.throttled" not in found, "the doctor has read that itself"


def test_the_way_out_by_the_daemons_word() -> None:
    health = example_health()
    never = replace(health, link=replace(health.link, connects=0, last_error="refused"))
    waits = replace(health, spool=replace(health.spool, depth=9, oldest_age_s=500.0))
    assert running.assess_publisher("mqtt", health).status == "ok"
    assert (
        running.assess_publisher("mqtt", never).status,
        running.assess_publisher("mqtt", never).message,
    ) == (
        "fail",
        "refused",
    )
    assert running.assess_publisher("mqtt", waits).status == "warn"


def test_the_models() -> None:
    current = VersionStatus(role="current", title="marks@2")
    on_its_way = Deployment(
        id="d", request=DeploymentRequest(source="x"), state="trial", title="marks@3"
    )
    held_up = replace(on_its_way, blocked_reason="no network")

    def verdict(**fields: object) -> str:
        status = ModelStatus(daemon=True, **fields)  # type: ignore[arg-type]  # as they are
        (finding,) = running.assess_models(status)
        return finding.status

    assert verdict(versions=(current,)) == "ok"
    assert verdict(versions=(replace(current, damage="rot"),)) == "fail"
    assert verdict(versions=(current,), deployment=on_its_way) == "ok"
    assert verdict(versions=(current,), deployment=held_up) == "warn"
    assert verdict(pinned="/x.tflite") == "ok"


def test_the_status_file_holds_the_latest_message(tmp_path: Path) -> None:
    board = StatusFiles(tmp_path)
    health = stamper().stamp(example_health())
    assert read_status_file(DeviceHealth, tmp_path) is None
    board.write(replace(health, uptime_s=1.0))
    board.write(health)
    board.write(stamper().stamp(example_info()))
    assert read_status_file(DeviceHealth, tmp_path) == health
    assert sorted(path.name for path in tmp_path.iterdir()) == ["health.json", "info.json"]
    (tmp_path / "info.json").write_text("{")
    assert read_status_file(DeviceInfo, tmp_path) is None
    board.clear()
    assert list(tmp_path.iterdir()) == []
    StatusFiles(None).write(health)
    StatusFiles(tmp_path / "absent").write(health)


# ---- the command


def test_a_secret_that_only_the_service_can_read_is_no_failure(tmp_path: Path) -> None:
    config = tmp_path / "edged.toml"
    config.write_text(
        '[mqtt]\nhost = "192.0.2.1"\nusername = "u"\npassword_file = "mqtt-password"\n[camera.a]\nsource = "synthetic"\n'
    )
    publisher = load_config(config).settings.publisher
    assert publisher is not None
    (finding,) = parts.check_publisher(*publisher, SystemClock())
    assert finding.status == "warn"
    assert "credential" in finding.advice


@pytest.mark.usefixtures("settings")
def test_a_stopped_device_is_tried_part_by_part(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    code = main(["doctor", "--json", "-c", str(tmp_path / "edged.toml")])
    answer = json.loads(capsys.readouterr().out)
    found = {one["part"]: one for one in answer["findings"]}
    assert next(iter(found)) == "config"
    tried = {
        name: found[name]["status"]
        for name in ("config", "model", "models", "camera.front", "jsonl")
    }
    assert set(tried.values()) == {"ok"}, found
    assert code == (1 if answer["status"] == "fail" else 0)


def test_a_configuration_that_cannot_be_used_does_not_keep_it_from_the_host(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    config = tmp_path / "edged.toml"
    config.write_text("[modle]\n")
    assert main(["doctor", "-c", str(config)]) == 1
    out = capsys.readouterr().out
    assert out.startswith("fail config")
    assert "edged check" in out
    assert "memory" in out
