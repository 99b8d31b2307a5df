"""Which frames the model runs on: the gate and the largest rate, with the slots, and their counts."""

import numpy as np
import pytest

from edged.clock import NS_PER_S
from edged.types import Detections, Frame, PixelFormat
from edged.vision.camera_messages import CameraPlan
from edged.vision.inference_plan import InferencePlan
from edged.vision.worker.frame_selection import FrameSelection
from edged.vision.worker.slots import FrameSlots
from edged.vision.worker.stage_results import PreparedFrame

CAR = Detections(
    np.array([[0.1, 0.1, 0.3, 0.3]], np.float32),
    np.array([0.9], np.float32),
    np.array([2], np.int32),
)


def make_frame(at_s: float, seq: int) -> Frame:
    at_ns = int(at_s * NS_PER_S)
    return Frame(
        camera="front",
        seq=seq,
        captured_ns=at_ns,
        received_ns=at_ns,
        pixels=np.zeros((4, 4), np.uint8),
        format=PixelFormat.GRAY8,
        width=4,
        height=4,
    )


class SelectionBench:
    """A camera of 30 frames a second, and the selection of its frames."""

    def __init__(self, *, sees_every_frame: bool = False, **plan: object) -> None:
        self.slots = FrameSlots(["front"])
        self.selection = FrameSelection(["front"], self.slots)
        camera = CameraPlan(min_score=0.3, inference=InferencePlan(**plan))  # type: ignore[arg-type] # by name
        self.selection.apply({"front": camera}, sees_every_frame=sees_every_frame)
        self.captured = 0
        self.looked_at: list[float] = []
        self.inferred: list[float] = []
        self.rests: list[float] = []

    def run(
        self,
        until_s: float,
        *,
        changes: tuple[float, float] = (0.0, 0.0),
        found: Detections | None = None,
    ) -> None:
        """Go on until this time.

        Args:
            until_s: time of the last frame.
            changes: from and to when the picture changes.
            found: what the model finds in each frame; None for nothing.
        """
        while (at_s := self.captured / 30) < until_s:
            self.slots.put(make_frame(at_s + 100, self.captured))
            self.captured += 1
            frame = self.slots.take(0)
            if frame is None or not self.selection.is_within_rate(frame):
                continue
            self.looked_at.append(at_s)
            has_changed = changes[0] <= at_s < changes[1]
            prepared = PreparedFrame(
                frame=frame, moving=False, has_changed=has_changed, wait_ns=0, prepare_ns=0
            )
            if self.selection.admit(prepared):
                self.inferred.append(at_s)
                self.selection.record(frame, Detections.empty() if found is None else found)
            elif self.selection.is_rest_due(frame):
                self.rests.append(at_s)

    def check_counts(self) -> None:
        left_out = self.selection.still_count("front") + self.selection.over_rate_count("front")
        assert left_out + len(self.inferred) == self.captured


def test_without_a_gate_and_a_rate_every_frame_is_inferred() -> None:
    bench = SelectionBench()
    bench.run(5.0)
    assert len(bench.inferred) == bench.captured == 150
    bench.check_counts()


def test_a_picture_at_rest_is_only_compared_and_at_the_idle_rate() -> None:
    bench = SelectionBench(has_gate=True, idle_fps=10.0)
    bench.run(61.0)
    assert max(bench.inferred) <= 1.0
    idle = [at_s for at_s in bench.looked_at if at_s > 1.1]
    assert len(idle) / 60 == pytest.approx(10, rel=0.03)
    assert bench.selection.still_count("front") > 1700
    bench.check_counts()


def test_the_supervisor_hears_of_a_picture_at_rest_four_times_a_second() -> None:
    bench = SelectionBench(has_gate=True)
    bench.run(61.0)
    assert 3.0 <= len(bench.rests) / 60 <= 4.1
    gaps = np.diff(bench.rests)
    assert gaps.max() <= 0.35
    assert bench.rests[0] - bench.inferred[-1] <= 0.35


def test_a_change_is_seen_within_one_idle_interval() -> None:
    bench = SelectionBench(has_gate=True, idle_fps=10.0)
    bench.run(40.0, changes=(20.05, 20.5))
    after = [at_s for at_s in bench.inferred if at_s > 10]
    assert 20.05 <= after[0] <= 20.16
    assert after[-1] == pytest.approx(21.5, abs=0.2)
    bench.check_counts()


def test_what_was_found_is_looked_at_again() -> None:
    bench = SelectionBench(has_gate=True, recheck_s=10.0)
    bench.run(35.0, found=CAR)
    assert [round(at_s) for at_s in bench.inferred if at_s > 1.1] == [11, 21, 31]


def test_the_largest_rate_holds_with_and_without_a_gate() -> None:
    for has_gate in (False, True):
        bench = SelectionBench(has_gate=has_gate, max_fps=5.0)
        bench.run(60.0, changes=(0.0, 60.0))
        assert len(bench.inferred) / 60 == pytest.approx(5, rel=0.03)
        assert bench.selection.over_rate_count("front") == bench.captured - len(bench.inferred)
        bench.check_counts()


def test_a_model_on_trial_sees_every_frame() -> None:
    bench = SelectionBench(sees_every_frame=True, has_gate=True)
    bench.run(20.0)
    assert len(bench.inferred) == bench.captured


def test_another_model_and_another_plan_see_the_picture_at_rest_again() -> None:
    bench = SelectionBench(has_gate=True)
    bench.run(10.0)
    bench.selection.reset()
    bench.run(20.0)
    assert [at_s for at_s in bench.inferred if at_s > 1.1][-1] == pytest.approx(11.0, abs=0.1)
    plan = CameraPlan(min_score=0.3, inference=InferencePlan(has_gate=False))
    bench.selection.apply({"front": plan}, sees_every_frame=False)
    bench.run(21.0)
    assert len([at_s for at_s in bench.inferred if at_s >= 20.0]) == 30
    bench.check_counts()


def test_the_same_plan_again_changes_nothing() -> None:
    bench = SelectionBench(has_gate=True)
    bench.run(10.0)
    same = CameraPlan(min_score=0.3, inference=InferencePlan(has_gate=True))
    bench.selection.apply({"front": same}, sees_every_frame=False)
    bench.run(20.0)
    assert max(bench.inferred) <= 1.0


def test_the_time_line_of_a_repeated_recording_begins_again() -> None:
    bench = SelectionBench(has_gate=True)
    bench.run(10.0)
    frame = make_frame(0.5, 300)
    prepared = PreparedFrame(frame=frame, moving=False, has_changed=False, wait_ns=0, prepare_ns=0)
    assert bench.selection.is_within_rate(frame)
    assert bench.selection.admit(prepared)
