"""Python files as sources: what a name in them may be, and how errors of the user's code are told."""

from pathlib import Path

import numpy as np
import pytest
from run_signatures import run_first_graph

from edged_models.cli.main import main
from edged_models.conversion.convert import convert
from edged_models.conversion.open_source import open_source

CODE = """
import tensorflow as tf
from beside import SIDE

PICTURE = tf.TensorSpec([1, SIDE, SIDE, 3], tf.float32)

def keras_2():
    tf.keras.utils.set_random_seed(1)
    layers = tf.keras.layers
    return tf.keras.Sequential([layers.Conv2D(4, 3, input_shape=(SIDE, SIDE, 3)), layers.GlobalMaxPooling2D(name="pool")])

def keras_3():
    import keras
    keras.utils.set_random_seed(1)
    image = keras.Input((SIDE, SIDE, 3))
    pooled = keras.layers.GlobalMaxPooling2D(name="pool")(keras.layers.Conv2D(4, 3)(image))
    return keras.Model(image, [pooled, keras.layers.Dense(2, name="dense")(pooled)])

network = keras_2()

@tf.function(input_signature=[PICTURE])
def function(image):
    return {"z": tf.reduce_sum(image, [1, 2]), "a": image[:, 0, 0]}

concrete = function.get_concrete_function()

@tf.function(input_signature=[PICTURE])
def untraceable(image):
    doubled = image * 2
    return tf.matmul(doubled, tf.ones((5, 5)))

def raises():
    return 1 / 0

def leaves():
    raise SystemExit(0)

class WithoutSignature(tf.Module):
    def __call__(self, image):
        return image
"""
PICTURE = np.linspace(-1, 1, 32 * 32 * 3, dtype=np.float32).reshape(1, 32, 32, 3)


def line_of(text: str) -> int:
    (found,) = [number for number, line in enumerate(CODE.splitlines(), start=1) if text in line]
    return found


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("functions")
    (folder / "beside.py").write_text("SIDE = 32\n")
    (folder / "code.py").write_text(CODE)
    return folder / "code.py"


@pytest.mark.parametrize(
    ("name", "outputs"),
    [
        ("keras_2", ("pool",)),
        ("keras_3", ("pool", "dense")),
        ("network", ("pool",)),
        ("function", ("z", "a")),
        ("concrete", ("z", "a")),
    ],
)
def test_the_file_has_the_outputs_of_the_source(
    file: Path, name: str, outputs: tuple[str, ...]
) -> None:
    source = open_source(f"{file}:{name}")
    assert source.outputs == outputs
    found = run_first_graph(convert(source), PICTURE)
    for one, expected in zip(found, source.run(PICTURE), strict=True):
        assert np.abs(one - expected).max() < 1e-4


@pytest.mark.parametrize(
    ("name", "message"),
    [
        (
            "untraceable",
            f"failed in code.py, line {line_of('matmul')}: ValueError: Dimensions must",
        ),
        ("raises", f"failed in code.py, line {line_of('1 / 0')}: ZeroDivisionError: division by"),
        ("leaves", f"failed in code.py, line {line_of('SystemExit')}: SystemExit: 0"),
        ("WithoutSignature", "has no tf.function with an input_signature"),
        ("network --all-signatures", "has no signatures to choose from"),
        ("network --custom x.py", "is not a Keras file"),
    ],
)
def test_errors_name_the_line_of_the_users_file(
    file: Path, name: str, message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    spec, *options = f"{file}:{name}".split()
    assert main(["convert", spec, *options]) == 1
    error = capsys.readouterr().err
    assert message in error
    assert error.count("\n") == 1


def test_a_syntax_error_names_its_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "broken.py").write_text("x = 1\ndef f(:\n")
    assert main(["convert", f"{tmp_path / 'broken.py'}:f"]) == 1
    assert "failed in broken.py, line 2: SyntaxError" in capsys.readouterr().err
