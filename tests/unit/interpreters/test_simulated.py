import time
from pathlib import Path

import numpy as np
import pytest

from edged.errors import DelegateError, InvokeError, ModelError
from edged.families.ssd import SsdFamily
from edged.interpreters.simulated import HEIGHT_PX, LABELS, WIDTH_PX, SimulatedInterpreter
from edged.types import Detections, Fit


def scene(*blocks: tuple[tuple[int, int, int, int], tuple[int, int, int]]) -> np.ndarray:
    picture = np.full((1, HEIGHT_PX, WIDTH_PX, 3), 90, np.uint8)
    for (x1, y1, x2, y2), rgb in blocks:
        picture[0, y1:y2, x1:x2] = rgb
    return picture


def run_inference(picture: np.ndarray) -> Detections:
    interpreter = SimulatedInterpreter()
    family = SsdFamily.match(interpreter.signature)
    assert isinstance(family, SsdFamily)
    return family.decode(interpreter.invoke(picture), Fit(), min_score=0.5)


def test_a_gray_scene_has_nothing_in_it() -> None:
    assert len(run_inference(scene())) == 0


def test_coloured_blocks_are_found_where_they_are_and_named_by_their_colour() -> None:
    found = run_inference(
        scene(((40, 40, 120, 160), (230, 20, 20)), ((200, 80, 280, 200), (20, 30, 220)))
    )
    named = {LABELS[i]: box for i, box in zip(found.class_ids, found.boxes, strict=True)}
    assert set(named) == {"red", "blue"}
    assert named["red"] == pytest.approx([40 / 320, 40 / 240, 120 / 320, 160 / 240])
    assert named["blue"] == pytest.approx([200 / 320, 80 / 240, 280 / 320, 200 / 240])
    assert found.scores.tolist() == [1.0, 1.0]


def test_a_pale_block_and_a_speck_are_not_found() -> None:
    pale, speck = ((40, 40, 120, 160), (140, 90, 90)), ((8, 8, 16, 12), (255, 0, 0))
    assert len(run_inference(scene(pale, speck))) == 0


def test_it_fails_after_so_many_invocations() -> None:
    interpreter = SimulatedInterpreter(delegate_options={"fail_after": "2"})
    interpreter.invoke(scene())
    interpreter.invoke(scene())
    with pytest.raises(InvokeError, match="after 2 invocations"):
        interpreter.invoke(scene())


@pytest.mark.parametrize("options", [{"latency": "3"}, {"latency_ms": "soon"}])
def test_a_wrong_option_is_named(options: dict[str, str]) -> None:
    with pytest.raises(DelegateError, match=r"latency|soon"):
        SimulatedInterpreter(delegate_options=options)


def run_repeatedly(times: int, **options: str) -> Detections:
    """Return the detections of the last of so many invocations on a scene with one red block."""
    interpreter = SimulatedInterpreter(delegate_options=options)
    family = SsdFamily.match(interpreter.signature)
    assert isinstance(family, SsdFamily)
    for _ in range(times):
        outputs = interpreter.invoke(scene(((40, 40, 120, 160), (230, 20, 20))))
    return family.decode(outputs, Fit(), min_score=0.5)


def test_it_goes_blind_after_so_many_invocations() -> None:
    assert [len(run_repeatedly(times, blind_after="1")) for times in (1, 2)] == [1, 0]


def test_it_floods_after_so_many_invocations() -> None:
    assert len(run_repeatedly(1, flood_after="1")) == 1
    assert len(run_repeatedly(2, flood_after="1")) == 100  # as many as a family gives at all


def test_it_gives_no_numbers_after_so_many_invocations() -> None:
    assert len(run_repeatedly(1, nan_after="1")) == 1
    with pytest.raises(ModelError, match="NaN"):
        run_repeatedly(2, nan_after="1")


def test_noise_hides_some_and_invents_as_much() -> None:
    interpreter = SimulatedInterpreter(delegate_options={"noise": "0.5"})
    picture = scene(((40, 40, 120, 160), (230, 20, 20)))
    counts = [int(interpreter.invoke(picture)[3][0]) for _ in range(200)]
    assert set(counts) == {0, 1, 2}
    assert 150 < sum(counts) < 250


def test_a_file_can_stand_for_a_model(tmp_path: Path) -> None:
    file = tmp_path / "model"
    file.write_text('{"name": "b", "version": "2", "labels": ["blue", "red"], "faults": {}}')
    interpreter = SimulatedInterpreter(file)
    assert interpreter.signature.metadata.labels == ("blue", "red")
    assert interpreter.signature.metadata.version == "2"
    classes = interpreter.invoke(scene(((40, 40, 120, 160), (230, 20, 20))))[1]
    assert classes[0, 0] == 1


@pytest.mark.parametrize("content", ['{"labels": ["pink"]}', '{"faults": {"colour": 1}}', "{"])
def test_a_file_that_stands_for_an_impossible_model_is_refused(
    tmp_path: Path, content: str
) -> None:
    file = tmp_path / "model"
    file.write_text(content)
    with pytest.raises(ModelError, match="not a valid simulated model"):
        SimulatedInterpreter(file)


def test_only_one_at_a_time_has_a_device() -> None:
    first = SimulatedInterpreter(delegate="tpu")
    with pytest.raises(DelegateError, match="tpu is in use"):
        SimulatedInterpreter(delegate="tpu")
    SimulatedInterpreter(delegate="another").close()
    first.close()
    SimulatedInterpreter(delegate="tpu").close()


def test_it_cannot_be_used_after_it_was_closed() -> None:
    interpreter = SimulatedInterpreter()
    interpreter.close()
    with pytest.raises(InvokeError, match="after it was closed"):
        interpreter.invoke(scene())


def test_an_invocation_sleeps_for_what_it_does_not_compute() -> None:
    interpreter = SimulatedInterpreter(delegate_options={"latency_ms": "30"})
    picture = scene(((40, 40, 120, 160), (230, 20, 20)))
    began_ns, cpu_began_ns = time.monotonic_ns(), time.thread_time_ns()
    interpreter.invoke(picture)
    cpu_ms = (time.thread_time_ns() - cpu_began_ns) / 1e6
    assert (time.monotonic_ns() - began_ns) / 1e6 >= 30 - 0.1
    assert cpu_ms < 15
