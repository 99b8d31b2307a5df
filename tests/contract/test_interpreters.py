"""Every registered interpreter implements the protocol."""

import gc

import numpy as np
import pytest

from edged.errors import InvokeError, ModelError, RegistryError
from edged.interfaces import Interpreter
from edged.registry import INTERPRETERS, load_driver
from support.data_files import data_file

pytestmark = pytest.mark.runtime

MODEL = "models/coco_ssd_mobilenet_v1_1.0_quant_2018_06_29.tflite"
FROM_FILES = [name for name in INTERPRETERS if name != "simulated"]


def open_interpreter(name: str, path: str = MODEL, **options: object) -> Interpreter:
    try:
        interpreter: Interpreter = load_driver(INTERPRETERS, name)(data_file(path), **options)
    except RegistryError as error:
        pytest.skip(str(error))
    return interpreter


@pytest.fixture(params=INTERPRETERS)
def interpreter(request: pytest.FixtureRequest) -> Interpreter:
    return open_interpreter(request.param)


def noise(interpreter: Interpreter, seed: int) -> np.ndarray:
    rng = np.random.default_rng(seed)
    return rng.integers(0, 256, interpreter.signature.inputs[0].shape, np.uint8)


def test_outputs_are_as_the_signature_declares_them(interpreter: Interpreter) -> None:
    outputs = interpreter.invoke(noise(interpreter, 1))
    declared = interpreter.signature.outputs
    assert [(o.shape, o.dtype.name) for o in outputs] == [(t.shape, t.dtype) for t in declared]


def test_outputs_are_copies_that_the_next_invocation_leaves_alone(interpreter: Interpreter) -> None:
    first = interpreter.invoke(noise(interpreter, 1))
    kept = [output.copy() for output in first]
    interpreter.invoke(np.zeros_like(noise(interpreter, 1)))
    assert all(np.array_equal(a, b) for a, b in zip(first, kept, strict=True))
    assert all(output.base is None for output in first)


def test_the_same_input_gives_the_same_answer(interpreter: Interpreter) -> None:
    first, second = (interpreter.invoke(noise(interpreter, 2)) for _ in range(2))
    count = int(first[3][0])
    assert np.array_equal(first[0][0, :count], second[0][0, :count])


@pytest.mark.parametrize("wrong", [np.zeros((1, 8, 8, 3), np.uint8), np.zeros((3,), np.float32)])
def test_a_tensor_that_does_not_fit_is_an_invoke_error(
    interpreter: Interpreter, wrong: np.ndarray
) -> None:
    with pytest.raises(InvokeError, match=interpreter.runtime.split()[0]):
        interpreter.invoke(wrong)


def test_the_post_process_operator_identifies_its_own_outputs(interpreter: Interpreter) -> None:
    (op,) = (op for op in interpreter.signature.ops if op.name == "TFLite_Detection_PostProcess")
    assert set(op.outputs) == {tensor.index for tensor in interpreter.signature.outputs}
    assert "DELEGATE" not in {op.name for op in interpreter.signature.ops}


def test_closing_twice_is_fine(interpreter: Interpreter) -> None:
    interpreter.close()
    interpreter.close()


@pytest.mark.parametrize("name", FROM_FILES)
def test_it_reports_how_much_of_the_graph_xnnpack_took(name: str) -> None:
    interpreter = open_interpreter(name, "models/yolox_nano_float16_quantize.tflite", threads=2)
    assert interpreter.delegate == "XNNPACK (833 of 841 operators)"


@pytest.mark.parametrize("name", FROM_FILES)
@pytest.mark.parametrize(
    ("path", "reason"),
    [
        ("models/coco_labelmap.txt", "not a TensorFlow Lite model"),
        ("models/model_invoking_error.tflite", "fake-op-double"),
    ],
)
def test_a_file_that_cannot_run_is_a_model_error(name: str, path: str, reason: str) -> None:
    with pytest.raises(ModelError, match=reason):
        open_interpreter(name, path)


@pytest.mark.parametrize("name", FROM_FILES)
def test_a_model_for_the_edgetpu_names_the_setting(name: str) -> None:
    with pytest.raises(ModelError, match=r"EdgeTPU: set model\.delegate"):
        open_interpreter(name, "models/mobilenet_v1_0.25_128_quant_edgetpu.tflite")


@pytest.mark.parametrize("name", FROM_FILES)
def test_the_shared_input_gives_the_same_answer_without_a_copy(name: str) -> None:
    interpreter = open_interpreter(name)
    picture = noise(interpreter, 3)
    copies = interpreter.invoke(picture)
    shared = interpreter.share_input()
    assert shared is not None
    assert shared is interpreter.share_input()
    shared[:] = picture
    outputs = interpreter.invoke(shared)
    assert all(np.array_equal(a, b) for a, b in zip(copies, outputs, strict=True))
    shared[:] = 0
    again = interpreter.invoke(shared)
    assert all(a is b for a, b in zip(outputs, again, strict=True))
    assert not shared.any()
    assert all(
        np.array_equal(a, b) for a, b in zip(copies, interpreter.invoke(picture), strict=True)
    )


@pytest.mark.parametrize("name", FROM_FILES)
def test_the_shared_memory_outlives_the_interpreter(name: str) -> None:
    interpreter = open_interpreter(name)
    shared = interpreter.share_input()
    assert shared is not None
    outputs = interpreter.invoke(shared)
    interpreter.close()
    del interpreter
    gc.collect()
    shared[:] = 7
    assert (shared == 7).all()
    assert all(np.isfinite(output).all() for output in outputs[2:])
