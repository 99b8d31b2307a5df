"""The supervisor's and the vision worker's messages."""

import struct
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
from edged.vision.camera_messages import CameraJob, CameraPlan
from edged.vision.messages import (
    FromWorker,
    Observation,
    PlanDeclined,
    VisionJob,
    WorkerFault,
    WorkerPlan,
)
from edged.vision.packets import FROM_WORKER, MAX_DETECTIONS, TO_WORKER, pack_observation
from support.detected_boxes import to_boxes
from support.worker_messages import (
    camera_report,
    candidate_failure,
    model_ready,
    observation,
    shadow_comparison,
)


def make_detections(n: int) -> Detections:
    rng = np.random.default_rng(n)
    corners = rng.random((n, 2, 2), np.float32)
    return Detections(
        np.concatenate((corners.min(axis=1), corners.max(axis=1)), axis=1),
        rng.random(n, np.float32),
        np.arange(n, dtype=np.int32),
    )


def pack(n: int = 3) -> bytes:
    """Return the packet of an observation with so many detections."""
    stages_ns = (1, 2, 3, 2**40, 5, -6)
    return pack_observation(
        *(1, 7, -5, 2**40, 640, 480), stages_ns, moving=True, detections=make_detections(n)
    )


@pytest.mark.parametrize("n", [0, 1, 50])
def test_an_observation_crosses_unchanged(n: int) -> None:
    got = FROM_WORKER.decode(pack(n))
    assert got == Observation(
        camera=1,
        frame_seq=7,
        captured_ns=-5,
        received_ns=2**40,
        width=640,
        height=480,
        wait_ns=1,
        encode_ns=2,
        invoke_ns=3,
        decode_ns=2**32 - 1,  # a stage of over 4 s is cut off, not wrapped
        net_frame_ns=5,
        net_invoke_ns=0,
        moving=True,
        detections=to_boxes(make_detections(n)),
    )


def test_more_detections_than_a_packet_holds_are_cut_off_at_the_lowest_scores() -> None:
    packet = pack(MAX_DETECTIONS + 1)
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
    packet = bytearray(pack())
    for _ in range(data.draw(st.integers(1, 8))):
        packet[data.draw(st.integers(0, len(packet) - 1))] = data.draw(st.integers(0, 255))
    try:
        got = FROM_WORKER.decode(bytes(packet[: data.draw(st.integers(0, len(packet)))]))
    except PacketError:
        return
    assert isinstance(got, Observation)
    assert got.width > 0
    assert got.height > 0
    for detected in got.detections:
        x1, y1, x2, y2 = detected.box
        assert 0.0 <= x1 <= x2 <= 1.0
        assert 0.0 <= y1 <= y2 <= 1.0
        assert 0.0 <= detected.score <= 1.0
        assert detected.class_id >= 0


def replace_number(packet: bytes, form: str, offset: int, value: float) -> bytes:
    return packet[:offset] + struct.pack(form, value) + packet[offset + struct.calcsize(form) :]


BOXES_OF_THREE, SCORES_OF_THREE, CLASSES_OF_THREE = -72, -24, -12
"""Where the arrays of three detections begin, from the end of the packet."""


@pytest.mark.parametrize(
    ("form", "offset", "value"),
    [
        ("<f", BOXES_OF_THREE, float("nan")),
        ("<f", BOXES_OF_THREE, -0.1),
        ("<f", BOXES_OF_THREE + 2 * 4, 1.1),
        ("<f", BOXES_OF_THREE + 2 * 4, 0.0),
        ("<f", BOXES_OF_THREE + 3 * 4, 0.0),
        ("<f", BOXES_OF_THREE + 7 * 4, float("inf")),
        ("<f", SCORES_OF_THREE + 2 * 4, float("nan")),
        ("<f", SCORES_OF_THREE, 1.5),
        ("<i", CLASSES_OF_THREE + 2 * 4, -1),
        ("<H", BOXES_OF_THREE - 2, 2),
        ("<H", BOXES_OF_THREE - 2, 4),
        ("<H", BOXES_OF_THREE - 2, 0),
    ],
)
def test_a_worker_that_lies_is_refused(form: str, offset: int, value: float) -> None:
    packet = pack(3)
    with pytest.raises(PacketError):
        FROM_WORKER.decode(replace_number(packet, form, len(packet) + offset, value))


@pytest.mark.parametrize(
    ("form", "offset", "value"),
    [("<q", 11, 2**63 - 1), ("<q", 11, -(2**63)), ("<q", 19, -1), ("<I", 27, 0), ("<I", 31, 0)],
    ids=["captured late", "captured early", "received", "width", "height"],
)
def test_an_impossible_frame_is_refused(form: str, offset: int, value: int) -> None:
    packet = pack(3)
    with pytest.raises(PacketError):
        FROM_WORKER.decode(replace_number(packet, form, offset, value))


def test_more_detections_than_a_worker_may_send_are_refused() -> None:
    packet = pack(MAX_DETECTIONS)
    one_more = replace_number(
        packet, "<H", len(packet) - 24 * MAX_DETECTIONS - 2, MAX_DETECTIONS + 1
    )
    with pytest.raises(PacketError):
        FROM_WORKER.decode(one_more + bytes(24))


def test_an_observation_as_the_supervisor_reads_it_is_not_sent() -> None:
    with pytest.raises(PacketError):
        FROM_WORKER.encode(observation())


def test_a_job_too_large_for_a_packet_is_refused() -> None:
    model = ModelSettings(labels=("x" * 100,) * 1000)
    with pytest.raises(PacketError, match="over the 65536 bytes"):
        TO_WORKER.encode(VisionJob(plan=WorkerPlan(model=model), cameras=()))
