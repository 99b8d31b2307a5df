"""Checks of the model, the cameras and the publisher, with a daemon and without one."""

from pathlib import Path

import pytest
from msgspec.structs import replace

from edged.checks.doctor.camera import assess_picture
from edged.checks.doctor.daemon import assess_daemon
from edged.checks.doctor.finding import Finding, worst_status
from edged.checks.doctor.model import assess_model_latency
from edged.checks.doctor.model_store import assess_models
from edged.checks.doctor.publisher import assess_publisher_health, check_publisher
from edged.clock import SystemClock
from edged.config.load import load_config
from edged.config.settings import Settings
from edged.messaging.contract.device import DeviceHealth, DeviceInfo, DiskHealth, HealthCondition
from edged.updates.rules.ledger import Deployment, DeploymentRequest
from edged.updates.service.control_messages import ModelStatus, VersionStatus
from support.examples import BEFORE, examples
from support.examples import health as example_health


def test_a_model_without_xnnpack_is_a_warning() -> None:
    def status(p95_ms: float, runtime: str, delegate: str) -> str:
        return assess_model_latency(
            "m", p50_ms=1.0, p95_ms=p95_ms, runtime=runtime, delegate=delegate
        ).status

    assert status(20.0, "litert 2.3.0", "XNNPACK") == "ok"
    assert status(20.0, "litert 2.3.0", "") == "warn"
    assert status(20.0, "simulated 1", "") == "ok"
    assert status(1500.0, "litert 2.3.0", "XNNPACK") == "warn"


def test_a_covered_lens() -> None:
    assert assess_picture("camera.x", "4 x 4 from d", contrast=30.0).status == "ok"
    assert assess_picture("camera.x", "4 x 4 from d", contrast=0.5).status == "warn"


def test_a_secret_that_only_the_service_can_read_is_a_warning(tmp_path: Path) -> None:
    config = tmp_path / "edged.toml"
    config.write_text(
        '[mqtt]\nhost = "192.0.2.1"\nusername = "u"\npassword_file = "mqtt-password"\n[camera.a]\nsource = "synthetic"\n'
    )
    publisher = load_config(config).settings.publisher
    assert publisher is not None
    (finding,) = check_publisher(*publisher, SystemClock())
    assert finding.status == "warn"
    assert "credential" in finding.advice


# ---- while the daemon runs


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    config = tmp_path / "edged.toml"
    config.write_text(
        '[jsonl]\npath = "out.jsonl"\n[model]\nruntime = "simulated"\n'
        '[camera.front]\nsource = "synthetic"\n[camera.yard]\nsource = "synthetic"\nenabled = false\n'
    )
    return load_config(config).settings


def findings_by_part(health: DeviceHealth, settings: Settings) -> dict[str, Finding]:
    info = examples()["info"][0]
    assert isinstance(info, DeviceInfo)
    return {one.part: one for one in assess_daemon(settings, health, info)}


def test_what_the_daemon_reports_becomes_findings(settings: Settings) -> None:
    camera = replace(example_health().cameras["front"], online=True)
    health = replace(
        example_health(),
        degradations=(),
        cameras={"front": camera},
        disk=DiskHealth(total_mb=1.0, free_mb=1.0, written_mb=0.5),
    )
    findings = findings_by_part(health, settings)
    assert set(findings) == {"camera.front", "model", "wear"}
    assert worst_status(findings.values()) == "ok"


def test_a_camera_that_is_still_being_opened_is_a_warning(settings: Settings) -> None:
    camera = replace(example_health().cameras["front"], online=False)
    health = replace(example_health(), degradations=(), cameras={"front": camera})
    assert findings_by_part(health, settings)["camera.front"].status == "warn"


def test_the_daemons_conditions_become_findings(settings: Settings) -> None:
    def condition(name: str, detail: str) -> HealthCondition:
        return HealthCondition(name=name, since=BEFORE, detail=detail)

    conditions = (
        condition("camera.front", "not connected"),
        condition("camera.yard", "disabled since the daemon read its configuration"),
        condition("camera.dark", "a condition of another kind"),
        condition("model", "no such file"),
        condition("spool", "the disk is full"),
        condition("board.throttled", "too hot"),
    )
    findings = findings_by_part(replace(example_health(), degradations=conditions), settings)
    camera = findings["camera.front"]
    assert (camera.status, camera.message) == ("fail", "not connected")
    assert findings["model"].status == "fail"
    assert (findings["spool"].status, findings["spool"].message) == ("warn", "the disk is full")
    assert findings["camera.dark"].status == "warn"
    assert "camera.yard" not in findings, "the camera is disabled"
    assert "board.throttled" not in findings, "the doctor has read that itself"


def test_the_publisher_by_the_daemons_report() -> None:
    health = example_health()
    never = replace(health, link=replace(health.link, connects=0, last_error="refused"))
    queued = replace(health, spool=replace(health.spool, depth=9, oldest_age_s=500.0))
    assert assess_publisher_health("mqtt", health).status == "ok"
    finding = assess_publisher_health("mqtt", never)
    assert (finding.status, finding.message) == ("fail", "refused")
    finding = assess_publisher_health("mqtt", queued)
    assert finding.status == "warn"
    assert finding.message.startswith("9 messages queued, the oldest for 500 s")


def test_the_models() -> None:
    current = VersionStatus(role="current", title="marks@2")
    in_trial = Deployment(
        id="d", request=DeploymentRequest(source="x"), state="trial", title="marks@3"
    )
    blocked = replace(in_trial, blocked_reason="no network")

    def finding(**fields: object) -> tuple[str, str]:
        status = ModelStatus(daemon=True, **fields)  # type: ignore[arg-type]  # as they are
        (one,) = assess_models(status)
        return one.status, one.message

    assert finding(versions=(current,)) == ("ok", "marks@2; no deployment")
    damaged = replace(current, damage="rot")
    assert finding(versions=(damaged,)) == ("fail", "the current model is damaged: rot")
    assert finding(versions=(current,), deployment=in_trial) == (
        "ok",
        "marks@2; marks@3: deployment trial",
    )
    assert finding(versions=(current,), deployment=blocked) == (
        "warn",
        "marks@3 blocked: no network",
    )
    assert finding(pinned="/x.tflite")[0] == "ok"
