"""Frames that overlap on a simulated accelerator: in order, each once, and with what is found without overlap."""

import threading
from collections.abc import Iterator
from pathlib import Path
from typing import ClassVar

import numpy as np
import pytest

from edged.errors import InvokeError
from edged.types import Frame, PixelFormat
from edged.vision.messages import FromWorker
from edged.vision.worker.loading import load_and_test
from edged.vision.worker.overlap import OverlappedInference
from edged.vision.worker.runners import SingleModelRunner, WorkerContext
from edged.vision.worker.stage_results import PreparedFrame
from support.vision_worker import make_plan, simulated_model, worker_context
from support.waiting import wait_for


def scene_frame(seq: int, *, camera: str = "a") -> Frame:
    """A red block that moves by four pixels from frame to frame."""
    pixels = np.full((240, 320, 3), 90, np.uint8)
    left = 4 * (seq % 50)
    pixels[60:180, left : left + 80] = (20, 20, 230)
    return Frame(
        camera=camera,
        seq=seq,
        captured_ns=seq * 10**7,
        received_ns=seq * 10**7,
        pixels=pixels,
        format=PixelFormat.BGR24,
        width=320,
        height=240,
    )


class OverlapBench:
    """A model with a runner, and the worker's parts around it."""

    made: ClassVar[list["OverlapBench"]] = []
    """Those of the present test."""

    def __init__(self, folder: Path, *, delegate: str | None = "sim", latency_ms: float) -> None:
        OverlapBench.made.append(self)
        self.messages: list[FromWorker] = []
        self.context: WorkerContext = worker_context(["a"], send=self.messages.append)
        settings = simulated_model(folder, "model", delegate=delegate, latency_ms=latency_ms)
        self.loaded = load_and_test(settings, None)
        self.runner = SingleModelRunner(make_plan(0, settings), self.loaded, self.context)

    @property
    def overlap(self) -> OverlappedInference:
        assert self.runner.overlap is not None
        return self.runner.overlap

    def prepare(self, seq: int) -> PreparedFrame:
        return self.context.pipeline.prepare(scene_frame(seq))

    def close(self) -> bool:
        is_closed = self.context.accelerator.close(10)
        self.loaded.close()
        return is_closed


@pytest.fixture(autouse=True)
def _close_benches() -> Iterator[None]:
    yield
    while OverlapBench.made:
        OverlapBench.made.pop().close()


def test_only_a_model_whose_thread_waits_for_a_device_overlaps(tmp_path: Path) -> None:
    for delegate, latency_ms, expected in (
        (None, 20.0, False),
        ("sim", 0.0, False),
        ("sim", 20.0, True),
    ):
        bench = OverlapBench(tmp_path, delegate=delegate, latency_ms=latency_ms)
        assert (bench.runner.overlap is not None) is expected
        bench.close()


def test_frames_come_out_in_order_with_what_is_found_without_overlap(tmp_path: Path) -> None:
    bench = OverlapBench(tmp_path, latency_ms=4.0)
    plain = [bench.runner.infer(bench.prepare(seq)).detections for seq in range(40)]
    overlap, found = bench.overlap, []
    overlap.begin(bench.prepare(0))
    for seq in range(1, 40):
        overlap.begin(bench.prepare(seq))
        found.append(overlap.finish())
    found.append(overlap.finish())
    assert overlap.oldest_frame is None
    assert [one.prepared_frame.frame.seq for one in found] == list(range(40))
    for result, expected in zip(found, plain, strict=True):
        assert result.detections.boxes.tolist() == expected.boxes.tolist()
        assert result.detections.class_ids.tolist() == expected.class_ids.tolist()
    assert bench.close()


def test_the_newest_frame_is_prepared_when_the_accelerator_becomes_free(tmp_path: Path) -> None:
    bench = OverlapBench(tmp_path, latency_ms=1000.0)
    overlap, slots = bench.overlap, bench.context.slots
    for _ in range(50):  # as if it had learned them
        overlap._times.add_invocation(1000 * 1_000_000)
        overlap._times.add_preparation(10 * 1_000_000)
    overlap.begin(bench.prepare(1))
    wait_for(lambda: bench.context.accelerator.invoked_ns > 0)
    slots.put(scene_frame(2))
    newer = threading.Timer(0.01, slots.put, args=(scene_frame(3),))
    newer.start()
    taken = overlap.take_next()
    assert taken is not None
    assert taken.seq == 3
    assert slots.dropped_count("a") == 1
    overlap.finish()
    newer.join()


def test_without_a_frame_it_waits_no_longer_than_the_accelerator_works(tmp_path: Path) -> None:
    bench = OverlapBench(tmp_path, latency_ms=20.0)
    bench.overlap.begin(bench.prepare(0))
    assert bench.overlap.take_next() is None
    assert bench.context.accelerator.has_outcome
    assert bench.overlap.finish().prepared_frame.frame.seq == 0
    assert bench.close()


def test_a_failure_is_that_of_its_own_frame(tmp_path: Path) -> None:
    bench = OverlapBench(tmp_path, latency_ms=20.0)
    good = bench.loaded.model.interpreter.invoke
    calls = iter([True, False, True])

    def fail_second(array: np.ndarray[tuple[int, ...], np.dtype[np.generic]]) -> object:
        if next(calls):
            return good(array)
        raise InvokeError("on purpose")

    bench.loaded.model.interpreter.invoke = fail_second  # type: ignore[method-assign, assignment]
    overlap = bench.overlap
    overlap.begin(bench.prepare(0))
    overlap.begin(bench.prepare(1))
    assert overlap.finish().prepared_frame.frame.seq == 0
    overlap.begin(bench.prepare(2))
    with pytest.raises(InvokeError, match="on purpose"):
        overlap.finish()
    assert overlap.finish().prepared_frame.frame.seq == 2
    assert bench.close()


def test_an_unexpected_error_of_a_driver_is_a_failed_frame(tmp_path: Path) -> None:
    bench = OverlapBench(tmp_path, latency_ms=20.0)

    def break_down(_: object) -> object:
        raise ZeroDivisionError("oops")

    bench.loaded.model.interpreter.invoke = break_down  # type: ignore[method-assign, assignment]
    bench.overlap.begin(bench.prepare(0))
    with pytest.raises(InvokeError, match="oops"):
        bench.overlap.finish()
    assert bench.close()


def test_an_accelerator_that_hangs_is_left_behind(tmp_path: Path) -> None:
    bench = OverlapBench(tmp_path, latency_ms=20.0)
    begun, end = threading.Event(), threading.Event()

    def hang(_: object) -> object:
        begun.set()
        end.wait()
        raise InvokeError("late")

    bench.loaded.model.interpreter.invoke = hang  # type: ignore[method-assign, assignment]
    bench.overlap.begin(bench.prepare(0))
    assert begun.wait(10)
    assert not bench.context.accelerator.close(0.05)
    end.set()
    assert bench.context.accelerator.close(10)
    bench.loaded.close()
