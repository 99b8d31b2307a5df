"""Messages of a vision worker, with defaults for every field that a test does not care about."""

from typing import Any

from msgspec import structs

from edged.vision.camera_messages import CameraReport
from edged.vision.messages import ModelReady, Observation, WorkerReport
from edged.vision.trial_messages import CandidateFailure, ShadowComparison

_MS = 1_000_000
_READY = ModelReady(
    model_name="marks@1",
    sha256="0" * 64,
    family="ssd",
    runtime="simulated",
    delegate="",
    labels=("red", "blue"),
)
_OBSERVATION = Observation(
    camera=0,
    frame_seq=0,
    captured_ns=0,
    received_ns=0,
    width=4,
    height=4,
    wait_ns=0,
    encode_ns=_MS,
    invoke_ns=5 * _MS,
    decode_ns=_MS,
    net_frame_ns=7 * _MS,
    net_invoke_ns=5 * _MS,
    moving=False,
    detections=(),
)
_COMPARISON = ShadowComparison(
    plan=1,
    both=2,
    only_new=0,
    only_old=0,
    old_ns=7 * _MS,
    new_net_ns=7 * _MS,
    old_net_ns=7 * _MS,
    is_new_first=True,
    camera="a",
    frame_seq=0,
)
_FAILURE = CandidateFailure(kind="invoke", plan=1, reason="the runtime failed")


def model_ready(**changes: Any) -> ModelReady:
    """Return a report that plan 0's model runs."""
    return structs.replace(_READY, **changes)


def observation(frame_seq: int = 0, **changes: Any) -> Observation:
    """Return the observation of a frame without detections, which was captured at `frame_seq` nanoseconds."""
    times = {"captured_ns": frame_seq, "received_ns": frame_seq}
    return structs.replace(_OBSERVATION, **({"frame_seq": frame_seq} | times | changes))


def shadow_comparison(**changes: Any) -> ShadowComparison:
    """Return a comparison in plan 1: candidate and shadow have the same two detections."""
    return structs.replace(_COMPARISON, **changes)


def candidate_failure(**changes: Any) -> CandidateFailure:
    """Return a failure of plan 1's candidate on a frame."""
    return structs.replace(_FAILURE, **changes)


def camera_report(name: str = "a", **changes: Any) -> WorkerReport:
    """Return a worker's report of one camera that is running."""
    camera = CameraReport(name=name, state="running")
    return WorkerReport(cameras=(structs.replace(camera, **changes),))
