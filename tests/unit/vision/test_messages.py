"""The supervisor's and the vision worker's messages."""

from contextlib import suppress
from pathlib import Path

import msgspec
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edged.config.settings import ModelSettings
from edged.errors import PacketError
from edged.types import Detections
from edged.vision.messages import (
    CameraJob,
    CameraPlan,
    FromWorker,
    Observation,
    PlanDeclined,
    VisionJob,
    WorkerFault,
    WorkerPlan,
)
from edged.vision.packets import FROM_WORKER, MAX_DETECTIONS, TO_WORKER
from support.worker_messages import (
    camera_report,
    candidate_failure,
    model_ready,
    observation,
    shadow_comparison,
)


def observation_with(n: int = 3) -> Observation:
    rng = np.random.default_rng(n)
    return observation(
        7,
        camera=1,
        captured_ns=-5,
        decode_ns=2**40,
        moving=True,
        detections=Detections(
            rng.random((n, 4), np.float32),
            rng.random(n, np.float32),
            np.arange(n, dtype=np.int32),
        ),
    )


@pytest.mark.parametrize("n", [0, 1, 50])
def test_an_observation_crosses_unchanged(n: int) -> None:
    sent = observation_with(n)
    got = FROM_WORKER.decode(FROM_WORKER.encode(sent))
    assert isinstance(got, Observation)
    np.testing.assert_array_equal(got.detections.boxes, sent.detections.boxes)
    np.testing.assert_array_equal(got.detections.scores, sent.detections.scores)
    np.testing.assert_array_equal(got.detections.class_ids, sent.detections.class_ids)
    assert (got.camera, got.frame_seq, got.captured_ns, got.moving) == (1, 7, -5, True)
    assert got.decode_ns == 2**32 - 1, "a stage of over 4 s is cut off, not wrapped"


def test_more_detections_than_a_packet_holds_are_cut_off_at_the_lowest_scores() -> None:
    packet = FROM_WORKER.encode(observation_with(MAX_DETECTIONS + 1))
    assert len(packet) <= FROM_WORKER.max_bytes
    got = FROM_WORKER.decode(packet)
    assert isinstance(got, Observation)
    assert len(got.detections) == MAX_DETECTIONS


@pytest.mark.parametrize(
    "message",
    [
        camera_report(state="lost", reason="gone"),
        WorkerFault(kind="model", reason="no model"),
        PlanDeclined(plan=2, reason="it saw nothing in 01-easy.png"),
        candidate_failure(),
        shadow_comparison(only_new=1),
        model_ready(),
    ],
)
def test_rare_messages_cross_unchanged(message: FromWorker) -> None:
    assert FROM_WORKER.decode(FROM_WORKER.encode(message)) == message


def test_a_job_crosses_unchanged() -> None:
    camera = CameraJob(
        name="a", source="synthetic", isolation="thread", driver_settings=msgspec.Raw(b'{"fps":3}')
    )
    job = VisionJob(
        plan=WorkerPlan(model=ModelSettings(), cameras=(CameraPlan(min_score=0.4),)),
        cameras=(camera,),
    )
    got = TO_WORKER.decode(TO_WORKER.encode(job))
    assert got == job


def test_a_plan_crosses_unchanged() -> None:
    plan = WorkerPlan(
        number=3,
        model=ModelSettings(),
        cameras=(CameraPlan(min_score=0.4),),
        goldens=Path("/v/goldens.json"),
    )
    assert TO_WORKER.decode(TO_WORKER.encode(plan)) == plan


@given(st.binary(max_size=300))
def test_random_bytes_are_a_worker_error_or_a_message(packet: bytes) -> None:
    with suppress(PacketError):
        FROM_WORKER.decode(packet)


@given(st.data())
def test_a_mutated_observation_never_gives_impossible_detections(data: st.DataObject) -> None:
    packet = bytearray(FROM_WORKER.encode(observation()))
    for _ in range(data.draw(st.integers(1, 8))):
        packet[data.draw(st.integers(0, len(packet) - 1))] = data.draw(st.integers(0, 255))
    try:
        got = FROM_WORKER.decode(bytes(packet[: data.draw(st.integers(0, len(packet)))]))
    except PacketError:
        return
    if isinstance(got, Observation):
        values = np.concatenate([got.detections.boxes.ravel(), got.detections.scores])
        assert ((values >= 0) & (values <= 1)).all()
        assert (got.detections.class_ids >= 0).all()


def test_a_job_too_large_for_a_packet_is_refused() -> None:
    model = ModelSettings(labels=("x" * 100,) * 1000)
    with pytest.raises(PacketError, match="over the 65536 bytes"):
        TO_WORKER.encode(VisionJob(plan=WorkerPlan(model=model), cameras=()))
