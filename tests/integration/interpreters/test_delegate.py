"""Delegates, with real _edgetpu.tflite files and a delegate that simulates its device."""

from pathlib import Path

import numpy as np
import pytest

from edged.clock import SystemClock
from edged.config.settings import ModelSettings
from edged.errors import DelegateError, InvokeError
from edged.model.load import Model, load_model
from support.data_files import data_file
from support.edgetpu import build_simulator
from support.pictures import read_frame, run_inference

pytestmark = pytest.mark.runtime

MODEL = "models/mobilenet_v1_0.25_128_quant_edgetpu.tflite"
ON_CPU = "models/mobilenet_v1_0.25_128_quant.tflite"


@pytest.fixture(scope="module")
def simulator(tmp_path_factory: pytest.TempPathFactory) -> str:
    return str(build_simulator(tmp_path_factory.mktemp("edgetpu")))


def opened(delegate: str, path: str = MODEL, **options: str) -> Model:
    return load_model(
        ModelSettings(path=data_file(path), delegate=delegate, delegate_options=options)
    )


def test_an_edgetpu_model_runs_on_its_delegate(simulator: str, tmp_path: Path) -> None:
    answer = np.zeros(1001, np.uint8)
    answer[286] = 200
    (tmp_path / "answer").write_bytes(answer.tobytes())
    model = opened(simulator, fill=str(tmp_path / "answer"))
    assert str(model.interpreter.delegate).startswith(f"edgetpu_sim ({simulator}, 1 of ")
    found = run_inference(model, read_frame(data_file("images/cat_720p.jpg")), 0.5)
    assert model.label_of(int(found.class_ids[0])) == "Egyptian cat"
    assert found.scores == pytest.approx([200 / 256])
    model.interpreter.close()


def test_it_is_described_as_its_cpu_variant_is(simulator: str) -> None:
    tpu, cpu = opened(simulator), load_model(ModelSettings(path=data_file(ON_CPU)))
    assert tpu.family.input == cpu.family.input
    assert tpu.labels == cpu.labels
    assert tpu.interpreter.signature.outputs[0].shape == cpu.interpreter.signature.outputs[0].shape


def test_a_cpu_model_is_left_to_the_cpu(simulator: str) -> None:
    assert "edgetpu" not in str(opened(simulator, ON_CPU).interpreter.delegate)


def test_a_device_that_goes_is_an_invoke_error_and_stays_one(simulator: str) -> None:
    model = opened(simulator, fail_after="2")
    tensor = np.zeros((1, 128, 128, 3), np.uint8)
    model.interpreter.invoke(tensor)
    model.interpreter.invoke(tensor)
    for _ in range(2):
        with pytest.raises(InvokeError, match="the device is gone"):
            model.interpreter.invoke(tensor)


def test_options_reach_the_delegate(simulator: str) -> None:
    model, clock = opened(simulator, latency_us="30000"), SystemClock()
    start_ns = clock.monotonic_ns()
    model.interpreter.invoke(np.zeros((1, 128, 128, 3), np.uint8))
    assert clock.monotonic_ns() - start_ns >= 30_000_000


def test_an_absent_device_is_a_delegate_error_that_names_it(simulator: str) -> None:
    with pytest.raises(DelegateError, match=r"no device found.*plugged in"):
        opened(simulator, device="absent")


def test_a_device_that_is_in_use_is_free_again_once_it_is_closed(simulator: str) -> None:
    model = opened(simulator, exclusive="1")
    with pytest.raises(DelegateError, match="in use"):
        opened(simulator, exclusive="1")
    model.interpreter.close()
    opened(simulator, exclusive="1").interpreter.close()


def test_an_option_that_the_delegate_refuses_is_reported(simulator: str) -> None:
    with pytest.raises(DelegateError, match="unknown or unreadable option"):
        opened(simulator, colour="blue")


def test_a_delegate_that_takes_nothing_leaves_the_model_without_one(simulator: str) -> None:
    with pytest.raises(DelegateError, match="compiled for the EdgeTPU"):
        opened(simulator, claim="none")


def test_a_library_that_is_not_there_is_named() -> None:
    with pytest.raises(DelegateError, match=r"cannot load the delegate libedgetpu-none\.so\.1"):
        opened("libedgetpu-none.so.1")


def test_a_file_that_is_no_library_is_named() -> None:
    with pytest.raises(DelegateError, match=r"cannot load the delegate .*coco_labelmap"):
        opened(str(data_file("models/coco_labelmap.txt")))


def test_a_library_that_is_no_delegate_is_named() -> None:
    with pytest.raises(DelegateError, match="tflite_plugin_create_delegate"):
        opened("libm.so.6")
