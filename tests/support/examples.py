"""An example of every message with all its fields; ``python -m support.examples`` (in tests/) rewrites the golden payloads."""

from pathlib import Path

from edged.messaging.contract.camera_health import CameraHealth, Percentiles
from edged.messaging.contract.commands import CameraSwitches, CommandError, Reply
from edged.messaging.contract.device import (
    CameraEntry,
    DeviceHealth,
    DeviceInfo,
    DiskHealth,
    ExampleHealth,
    HealthCondition,
    LinkState,
    LoopHealth,
    MemoryHealth,
    SpoolState,
    ThrottlingHealth,
)
from edged.messaging.contract.header import Header, Identity, Stamper, encode
from edged.messaging.contract.messages import (
    CameraState,
    Detection,
    Event,
    FrameDetections,
    Gap,
    OnlineStatus,
)
from edged.messaging.contract.model import (
    Candidate,
    ChannelState,
    DeploymentResult,
    ModelFailure,
    ModelState,
    ModelVersion,
)
from support.clock import FakeClock

GOLDENS = Path(__file__).parents[1] / "contract" / "goldens"
NOW = "2026-11-21T09:30:05.412Z"
NOW_NS = 1_795_253_405_412_000_000
BEFORE = "2026-11-21T09:30:04.901Z"
IDENTITY = Identity(device="shop-12", boot="0d7c51aa", session="9f2103be")


def stamper(clock: FakeClock | None = None) -> Stamper:
    return Stamper(IDENTITY, clock or FakeClock(wall_ns=NOW_NS), lambda: "synced")


def event(**changes: object) -> Event:
    fields: dict[str, object] = {
        "camera": "front",
        "type": "start",
        "id": "9f2103be-17",
        "label": "person",
        "score": 0.81,
        "top_score": 0.86,
        "top_median_score": 0.79,
        "box": (0.486, 0.016, 0.706, 0.849),
        "width": 768,
        "height": 432,
        "zones": ("door",),
        "entered_zones": ("door",),
        "started": BEFORE,
        "duration_s": 0.5,
        "path": ((0.596, 0.851), (0.6, 0.849)),
        "model": "coco-ssd@1.0",
        "frame": 71,
    }
    return Event(**(fields | changes))  # type: ignore[arg-type]  # the fields are checked by the schema


def state(**changes: object) -> CameraState:
    fields: dict[str, object] = {"camera": "front", "online": True}
    return CameraState(**(fields | changes))  # type: ignore[arg-type]  # as above


def detections(*, camera: str = "front", frame: int = 71) -> FrameDetections:
    return FrameDetections(
        camera=camera,
        frame=frame,
        captured=BEFORE,
        received_ns=1_000_000_000,
        width=768,
        height=432,
        model="coco-ssd@1.0",
        detections=(Detection(label="person", score=0.81, box=(0.486, 0.016, 0.706, 0.849)),),
    )


def health() -> DeviceHealth:
    return DeviceHealth(
        overall="degraded",
        degradations=(
            HealthCondition(name="camera.front", since=BEFORE, detail="no frame for 3 s"),
        ),
        uptime_s=61.5,
        worker_restarts=1,
        last_worker_loss="killed by SIGKILL",
        throttling=ThrottlingHealth(
            under_voltage=False,
            frequency_capped=False,
            throttled=False,
            soft_temp_limit=False,
            under_voltage_occurred=True,
            throttled_occurred=False,
        ),
        soc_temperature_c=54.2,
        memory=MemoryHealth(total_mb=3795.0, available_mb=3012.0, rss_mb={"supervisor": 41.5}),
        disk=DiskHealth(total_mb=29_700.0, free_mb=24_100.0, written_mb=1.3),
        disk_silent_s={"files": 0.0, "space": 0.4},
        collected=ExampleHealth(kept=42, failed=1),
        loop=LoopHealth(lag_s=0.0021, longest_call_s=0.0034),
        spool=SpoolState(depth=3, size_bytes=1650, oldest_age_s=1.25),
        link=LinkState(
            connects=2,
            last_error="mqtt://broker:1883: the connection was lost",
            detections_dropped=17,
        ),
        cameras={
            "front": CameraHealth(
                online=False,
                fps_in=0.0,
                fps_inferred=0.0,
                frames=580,
                inferred=578,
                dropped=2,
                observations_skipped=1,
                last_frame_age_s=3.1,
                latency_s={"total": Percentiles(p50=0.021, p95=0.028, p99=0.033)},
            )
        },
    )


def model() -> ModelState:
    return ModelState(
        installed=ModelVersion(
            name="coco-ssd@1.1",
            sha256="ab" * 32,
            family="ssd",
            digest="1a" * 32,
            counter=11,
            epoch=1,
        ),
        previous=ModelVersion(name="edged-marks", sha256="cd" * 32, family="ssd"),
        candidate=Candidate(
            id="5be0cd19137e",
            version=ModelVersion(
                name="coco-ssd@1.2",
                sha256="ef" * 32,
                family="ssd",
                digest="2b" * 32,
                counter=12,
                epoch=1,
            ),
            requested_by="channel",
            state="trial",
            progress=0.4,
            since=BEFORE,
            deaths=1,
            boots=2,
        ),
        last=DeploymentResult(
            id="1f83d9abfb41",
            title="coco-ssd@1.1",
            digest="1a" * 32,
            outcome="committed",
            reason="too little evidence for a comparison: 3 of 20 boxes",
            flagged=True,
            time=BEFORE,
        ),
        epoch=1,
        channel=ChannelState(sequence=17, stale=True, age_s=608_400.0),
        last_failure=ModelFailure(
            name="broken.tflite", time=BEFORE, reason="it fits no model family"
        ),
    )


def model_rejected() -> ModelState:
    """Return the state after a bundle was rejected, while the next one cannot be fetched."""
    return ModelState(
        installed=ModelVersion(name="edged-marks", sha256="cd" * 32, family="ssd"),
        candidate=Candidate(
            id="6a09e667f3bc",
            state="fetching",
            progress=0.25,
            since=BEFORE,
            blocked_reason="http://models/coco-ssd-1.2.edgem: no answer in time",
        ),
        last=DeploymentResult(
            id="1f83d9abfb41",
            outcome="rejected",
            cause="bundle-refused",
            reason="no role that may sign coco-ssd has signed it",
            time=BEFORE,
        ),
    )


def examples() -> dict[str, tuple[Header, int | None]]:
    """Return the messages by file name, each with its sequence number."""
    return {
        "status": (OnlineStatus(status="online"), None),
        "status-offline": (OnlineStatus(status="offline"), None),
        "info": (
            DeviceInfo(
                version="0.1.0",
                python="3.11.2",
                system="Linux 6.12.25",
                board="Raspberry Pi 5 Model B Rev 1.0",
                runtime="litert 2.3.0",
                delegate="XNNPACK (61 of 64 operators)",
                model="coco-ssd@1.1",
                cameras=(
                    CameraEntry(
                        name="front",
                        source="rtsp",
                        description="rtsp://camera/stream",
                        width=768,
                        height=432,
                        fps=12.0,
                    ),
                    CameraEntry(name="back", source="v4l2"),
                ),
            ),
            None,
        ),
        "health": (health(), None),
        "model": (model(), None),
        "model-rejected": (model_rejected(), None),
        "detections": (detections(), None),
        "event": (event(), 40213),
        "event-end": (
            event(type="end", ended=NOW, duration_s=0.511, stationary=True, zones=()),
            40214,
        ),
        "state": (
            state(
                occupied=True,
                motion=True,
                counts={"person": 2},
                active={"person": 1},
                zones={"door": {"person": 1}},
                zones_active={"door": {"person": 1}},
            ),
            None,
        ),
        "switches": (
            CameraSwitches(
                camera="front",
                detect=True,
                threshold=0.5,
                thresholds={"person": 0.6},
                zones={"door": True},
                masks={"neighbour": False},
            ),
            None,
        ),
        "reply": (Reply(id="ha-1", verb="snapshot", ok=True, result={"bytes": 48213}), None),
        "reply-error": (
            Reply(
                id="ha-2",
                verb="detect",
                ok=False,
                error=CommandError(code="not_found", message="there is no camera 'frnt'"),
            ),
            None,
        ),
        "gap": (Gap(reason="full", ranges=((40001, 40040), (40042, 40042)), count=41), 40215),
        "gap-unclean-stop": (
            Gap(reason="unclean_stop", ranges=((40216, 50212),), count=None),
            50213,
        ),
    }


def payload(name: str) -> bytes:
    message, seq = examples()[name]
    return encode(stamper().stamp(message, seq))


if __name__ == "__main__":
    for example in examples():
        (GOLDENS / f"{example}.json").write_bytes(payload(example) + b"\n")
