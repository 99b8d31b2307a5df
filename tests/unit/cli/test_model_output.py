"""The text output of ``edged model``."""

from msgspec.structs import replace

from edged.cli.model_output import format_removed, format_started, format_status, format_versions
from edged.updates.rules.ledger import Deployment, DeploymentRecord, DeploymentRequest
from edged.updates.service.control_messages import ControlResponse, ModelStatus, VersionStatus

CURRENT = VersionStatus(
    role="current", title="marks@2", digest="ab" * 32, counter=2, epoch=1, size_bytes=1_500_000
)
FACTORY = VersionStatus(role="factory", title="marks", damage="no such file")
DEPLOYMENT = Deployment(
    id="d1", request=DeploymentRequest(source="x"), state="trial", title="marks@3"
)
RECORD = DeploymentRecord(
    id="d0",
    title="marks@2",
    digest="ab" * 32,
    source="x",
    outcome="rolled-back",
    reason="too slow",
    time="2026-11-30T12:00:00Z",
)
STATUS = ModelStatus(
    daemon=True, active_model="marks@3", versions=(CURRENT, FACTORY), progress=0.4, past=(RECORD,)
)


def test_the_status_without_a_deployment() -> None:
    status = ModelStatus(daemon=False, versions=(CURRENT,))
    assert format_status(ControlResponse(status=status)).splitlines() == [
        "daemon       not running: no trials",
        "installed    marks@2",
        "active model none",
    ]


def test_the_status_of_a_blocked_deployment() -> None:
    status = replace(STATUS, deployment=replace(DEPLOYMENT, blocked_reason="no network"))
    assert format_status(ControlResponse(status=status)).splitlines() == [
        "daemon       running",
        "installed    marks@2",
        "active model marks@3",
        "deployment   marks@3: trial 40%",
        "blocked      no network",
        "history      marks@2 rolled back: too slow (2026-11-30T12:00:00Z)",
    ]


def test_a_model_configured_by_path() -> None:
    status = replace(STATUS, pinned="/m.tflite")
    assert "pinned       model.path is set to /m.tflite: no updates" in format_status(
        ControlResponse(status=status)
    )


def test_the_versions() -> None:
    assert format_versions(ControlResponse(status=STATUS)).splitlines() == [
        "ROLE     MODEL                  COUNTER  EPOCH  SIZE    DIGEST",
        "current  marks@2                2        1      1.5 MB  abababababab",
        "factory  damaged: no such file  0        0      0.0 MB  -",
    ]


def test_a_started_deployment() -> None:
    def text(*, daemon: bool, blocked_reason: str = "") -> str:
        deployment = replace(DEPLOYMENT, state="self-tested", blocked_reason=blocked_reason)
        return format_started(
            ControlResponse(status=replace(STATUS, daemon=daemon, deployment=deployment))
        )

    assert text(daemon=True) == "d1: started; `edged model wait d1` waits for the outcome"
    assert text(daemon=False).startswith("d1: marks@3 is self-tested; the daemon starts the trial")
    assert text(daemon=False, blocked_reason="no network").startswith("d1: blocked: no network;")


def test_garbage() -> None:
    assert format_removed(ControlResponse(status=STATUS)) == "nothing to remove"
    removed = ControlResponse(status=STATUS, removed=("ab", "cd"))
    assert format_removed(removed) == "removed ab\nremoved cd"


def test_the_status_says_that_the_disk_does_not_answer() -> None:
    status = ModelStatus(daemon=True, disk_silent_s=31.4)
    assert format_status(ControlResponse(status=status)).splitlines()[:2] == [
        "daemon       running",
        "disk         no answer for 31 s; the rest is as it was before",
    ]
