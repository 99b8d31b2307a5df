"""Conversion from every kind of source, with every scheme: on both runtimes the outputs are those of the network."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import tiny

from edged_models.cli.main import main
from edged_models.conversion.convert import convert
from edged_models.conversion.metadata import read_model_metadata
from edged_models.conversion.open_source import open_source
from edged_models.conversion.source import ModelSource
from edged_models.conversion.tflite_model import parse_model
from edged_models.errors import SourceError
from edged_models.quantization.quantize import quantize
from edged_models.quantization.scheme import IoType, Scheme
from edged_models.tensorflow import keras, layers, tf

RUNTIMES = ("litert", "tflite")
FUNCTION = """
import tensorflow as tf

net = tf.saved_model.load({folder!r})

@tf.function(input_signature=[tf.TensorSpec([1, 32, 32, 3], tf.float32)])
def ready(image):
    return net.signatures["serving_default"](image)["activation"]

def make():
    return ready

@tf.function
def unsigned(image):
    return image

@tf.function(input_signature=[tf.TensorSpec([1, 32, 32, 3], tf.float32)])
def several(image):
    return {{"sum": tf.reduce_sum(image, [1, 2]), "first": image[:, 0, 0, :], "image": image}}

number = 3
"""
VARIANTS: dict[str, Callable[[ModelSource], bytes]] = {
    "float32": convert,
    "dynamic": lambda source: quantize(source, scheme=Scheme.DYNAMIC),
    "float16": lambda source: quantize(source, scheme=Scheme.FLOAT16),
    "int16x8": lambda source: quantize(source, scheme=Scheme.INT16X8, calibration=tiny.pictures()),
    **{
        f"int8-{io}": lambda source, io=io: quantize(
            source, scheme=Scheme.INT8, io=io, calibration=tiny.pictures()
        )
        for io in IoType
    },
}
MAX_DIFFERENCE = {"float32": 1e-4, "dynamic": 0.03, "float16": 0.01, "int16x8": 0.01}


@pytest.fixture(scope="module")
def net() -> keras.Model:
    return tiny.build()


@pytest.fixture(scope="module")
def specs(net: keras.Model, tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    folder = tmp_path_factory.mktemp("sources")
    net.save(folder / "tiny.keras")
    net.save(folder / "tiny.h5")
    tf.saved_model.save(net, str(folder / "saved"))
    (folder / "functions.py").write_text(FUNCTION.format(folder=str(folder / "saved")))
    return {
        "keras": str(folder / "tiny.keras"),
        "h5": str(folder / "tiny.h5"),
        "saved model": str(folder / "saved"),
        "function": f"{folder / 'functions.py'}:ready",
        "functions": str(folder / "functions.py"),
    }


@pytest.fixture(scope="module", params=["keras", "saved model", "function"])
def variants(
    request: pytest.FixtureRequest, specs: dict[str, str], tmp_path_factory: pytest.TempPathFactory
) -> dict[str, Path]:
    """Return the paths of all variants of one source."""
    folder = tmp_path_factory.mktemp("variants")
    source = open_source(specs[request.param])
    paths = {name: folder / f"{name}.tflite" for name in VARIANTS}
    for name, path in paths.items():
        path.write_bytes(VARIANTS[name](source))
    return paths


@pytest.mark.parametrize("runtime", RUNTIMES)
def test_every_variant_has_the_outputs_of_the_network(
    variants: dict[str, Path], net: keras.Model, runtime: str
) -> None:
    picture = tiny.pictures()[3]
    tensor = tiny.run(variants["float32"], runtime, picture).tensor
    expected = net(tensor).numpy()
    assert expected.max() > 0.3, "a network with equal probabilities would prove nothing"
    for name, path in variants.items():
        result = tiny.run(path, runtime, picture)
        assert result.family == "classification", name
        (output,) = result.outputs
        difference = np.abs(output - expected).max()
        assert difference <= MAX_DIFFERENCE.get(name, 0.06), f"{name}: off by {difference:.3f}"


def test_fewer_bits_need_fewer_bytes(variants: dict[str, Path]) -> None:
    weights = {
        name: sum(
            t.stored_bytes for t in parse_model(path.read_bytes()).tensors if len(t.shape) > 1
        )
        for name, path in variants.items()
    }
    assert weights["float16"] < 0.6 * weights["float32"]
    assert weights["int8-uint8"] < 0.35 * weights["float32"]


def test_names_are_those_of_the_source(variants: dict[str, Path]) -> None:
    model = parse_model(variants["float32"].read_bytes())
    assert [tensor.name for tensor in model.get_tensors(model.inputs)] == ["image"]
    assert model.tensors[model.outputs[0]].shape == (1, tiny.CLASSES)


def test_an_h5_file_has_the_same_network(specs: dict[str, str], net: keras.Model) -> None:
    source = open_source(specs["h5"])
    picture = tf.random.uniform((1, tiny.SIDE_PX, tiny.SIDE_PX, 3), -1, 1, seed=4)
    (output,) = source.function(picture).values()
    assert np.abs(output.numpy() - net(picture).numpy()).max() < 1e-5


def test_a_function_may_return_the_function_to_convert(specs: dict[str, str]) -> None:
    source = open_source(f"{specs['functions']}:make")
    assert source.name == "make"


def test_outputs_keep_the_order_of_the_function(specs: dict[str, str]) -> None:
    model = parse_model(convert(open_source(f"{specs['functions']}:several")))
    assert [tensor.name for tensor in model.get_tensors(model.outputs)] == ["sum", "first", "image"]
    assert [tensor.shape for tensor in model.get_tensors(model.outputs)] == [
        (1, 3),
        (1, 3),
        (1, 32, 32, 3),
    ]


def test_a_variable_size_must_be_given(tmp_path: Path) -> None:
    image = layers.Input((None, None, 3))
    path = tmp_path / "open.keras"
    keras.Model(image, layers.Conv2D(4, 3, 2)(image)).save(path)
    with pytest.raises(SourceError, match="has a variable size: set it with --side"):
        open_source(str(path))
    source = open_source(str(path), side_px=40)
    assert source.function.inputs[0].shape == (1, 40, 40, 3)


def test_a_fixed_size_cannot_be_changed(specs: dict[str, str]) -> None:
    with pytest.raises(SourceError, match="has a fixed size: omit --side"):
        open_source(specs["keras"], side_px=40)


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("unsigned", "has no input_signature"),
        ("number", "is of the type int; it must be a tf.function"),
        ("missing", "has no missing"),
    ],
)
def test_other_objects_than_functions_are_reported(
    specs: dict[str, str], name: str, message: str
) -> None:
    with pytest.raises(SourceError, match=message):
        open_source(f"{specs['functions']}:{name}")


def test_wrong_sources_are_reported_in_one_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], specs: dict[str, str]
) -> None:
    (tmp_path / "bad.keras").write_bytes(b"no zip")
    (tmp_path / "bad.h5").write_bytes(b"no hdf5")
    (tmp_path / "bad.npz").write_bytes(b"no zip")
    (tmp_path / "bad.tflite").write_bytes(b"no model")
    (tmp_path / "empty").mkdir()
    (tmp_path / "broken").mkdir()
    (tmp_path / "broken" / "saved_model.pb").write_bytes(b"\xff" * 100)
    (tmp_path / "raises.py").write_text("1 / 0")
    wrong = [
        *(str(tmp_path / name) for name in ("bad.keras", "bad.h5", "bad.npz", "bad.tflite")),
        *(str(tmp_path / name) for name in ("empty", "broken", "none.keras", "none.npz", "none")),
        f"{tmp_path / 'raises.py'}:f",
        f"{tmp_path / 'none.py'}:f",
        "no.such.module:f",
    ]
    for spec in wrong:
        assert main(["convert", spec, "--out", str(tmp_path / "out.tflite")]) == 1
        error = capsys.readouterr().err
        assert error.startswith("edged-models: "), spec
        assert error.count("\n") == 1, error
    assert not (tmp_path / "out.tflite").exists()
    assert main(["convert", specs["keras"], "--head", "raw", "--out", str(tmp_path / "x")]) == 1
    assert "--head applies to checkpoints only" in capsys.readouterr().err


def test_the_command_writes_beside_the_source_and_prints_json(
    specs: dict[str, str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    source = tmp_path / "small.keras"
    source.write_bytes(Path(specs["keras"]).read_bytes())
    labels = tmp_path / "labels.txt"
    labels.write_text("\n".join("abcdefgh") + "\n")
    confirmed = "--accept-default-normalisation"
    convert_it = ["convert", str(source), "--labels", str(labels), confirmed]
    assert main([*convert_it, "--version", "7", "--json"]) == 0
    output = capsys.readouterr().out
    assert '"input": "float32 [1, 32, 32, 3] image"' in output
    assert '"labels": 8' in output
    assert read_model_metadata((tmp_path / "small.tflite").read_bytes()).version == "7"
    assert main([*convert_it, "--out", str(source)]) == 1
    assert "is the source itself" in capsys.readouterr().err
    labels.write_text("\n".join("abcdefghi") + "\n")
    assert main(convert_it) == 1
    assert "has 8 classes, but there are 9 labels" in capsys.readouterr().err


def test_an_op_that_no_runtime_has_is_reported(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "svd.py").write_text(
        "import tensorflow as tf\n"
        "@tf.function(input_signature=[tf.TensorSpec([1, 32, 32, 3], tf.float32)])\n"
        "def f(image):\n"
        "    return tf.linalg.svd(image)[0]\n"
    )
    assert main(["convert", f"{tmp_path / 'svd.py'}:f"]) == 0
    assert "TensorFlow Lite has no Svd" in capsys.readouterr().err
    assert (tmp_path / "f.tflite").is_file()
