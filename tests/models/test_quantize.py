"""Quantisation of the bundled detector and of small networks, with its warnings and errors."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import tiny

from edged.config.settings import ModelSettings
from edged.marks import MARK_LABELS
from edged.model.load import load_model
from edged_models.cli.main import main
from edged_models.conversion.calibration import MIN_PICTURES
from edged_models.conversion.convert import convert
from edged_models.conversion.kinds.function import concrete_source
from edged_models.conversion.kinds.keras_file import network_source
from edged_models.conversion.kinds.tflite_file import tflite_source
from edged_models.conversion.model_metadata import ModelMetadata
from edged_models.conversion.open_source import open_source
from edged_models.conversion.source import ModelSource
from edged_models.conversion.tflite_model import parse_model
from edged_models.conversion.unquantized import POSTPROCESS, find_unquantized
from edged_models.detector.graph import DetectorHead
from edged_models.errors import PicturesError, SourceError
from edged_models.quantization.quantize import quantize, quantize_by_recipe
from edged_models.quantization.recipe import make_recipe
from edged_models.quantization.scheme import EngineName, IoType, Scheme
from edged_models.tensorflow import keras, layers, tf

RUNTIMES = ("litert", "tflite")


@pytest.fixture(scope="module")
def detector(checkpoint_file: Path) -> ModelSource:
    return open_source(str(checkpoint_file), side_px=64)


@pytest.fixture(scope="module")
def raw(checkpoint_file: Path) -> ModelSource:
    return open_source(str(checkpoint_file), head=DetectorHead.RAW, side_px=64)


@pytest.fixture(scope="module")
def small() -> ModelSource:
    return tflite_source(convert(network_source(tiny.build(), name="tiny")), name="tiny")


def signature(path: Path, runtime: str) -> list[tuple[str, tuple[int, ...], float, int]]:
    model = load_model(ModelSettings(path=path, runtime=runtime))
    tensors = (*model.interpreter.signature.inputs, *model.interpreter.signature.outputs)
    infos = [(one.dtype, one.shape, one.scale, one.zero_point) for one in tensors]
    assert model.labels == MARK_LABELS
    model.interpreter.close()
    return infos


@pytest.mark.parametrize("runtime", RUNTIMES)
def test_the_daemon_runs_a_quantised_checkpoint(
    detector: ModelSource, tmp_path: Path, runtime: str
) -> None:
    path = tmp_path / "model.tflite"
    path.write_bytes(
        quantize(detector, scheme=Scheme.INT8, calibration=tiny.pictures(), io=IoType.UINT8)
    )
    result = tiny.run(path, runtime, tiny.pictures()[0])
    assert result.family == "ssd"
    assert result.tensor.dtype == np.uint8
    boxes, classes, scores, count = result.outputs
    assert boxes.shape == (1, 50, 4)
    assert classes.shape == scores.shape == (1, 50)
    assert count.shape == (1,)
    ((dtype, shape, scale, zero_point), *_) = signature(path, runtime)
    assert (dtype, shape, zero_point) == ("uint8", (1, 64, 64, 3), 0)
    assert scale == pytest.approx(1 / 255, rel=1e-6)


def test_the_same_pictures_give_the_same_bytes(
    checkpoint_file: Path, detector: ModelSource
) -> None:
    reopened = open_source(str(checkpoint_file), side_px=64)
    first, second, other = (
        quantize(source, scheme=Scheme.INT8, calibration=tiny.pictures(max_value=max_value))
        for source, max_value in ((detector, 255), (reopened, 255), (reopened, 90))
    )
    assert first == second
    assert first != other


def test_only_the_postprocess_stays_float(detector: ModelSource) -> None:
    model = parse_model(quantize(detector, scheme=Scheme.INT8, calibration=tiny.pictures()))
    unquantized = find_unquantized(model, include_activations=True)
    assert [op.op for op in unquantized.ops] == [POSTPROCESS]
    assert unquantized.list_ops_except(POSTPROCESS) == ()
    assert [one.bytes for one in unquantized.weights] == [84 * 4 * 4], "the anchors of 64 px"


def test_raw_outputs_are_boxes_and_scores_close_to_those_of_float(raw: ModelSource) -> None:
    plain = parse_model(convert(raw))
    assert [tensor.name for tensor in plain.get_tensors(plain.outputs)] == ["boxes", "scores"]
    quantized = quantize(raw, scheme=Scheme.INT8, io=IoType.INT8, calibration=tiny.pictures())
    model = parse_model(quantized)
    outputs = model.get_tensors(model.outputs)
    assert [(tensor.dtype, tensor.shape) for tensor in outputs] == [
        ("INT8", (1, 84, 4)),
        ("INT8", (1, 84, len(MARK_LABELS))),
    ]
    assert find_unquantized(model, include_activations=True).ops == ()
    results = [_invoke(content) for content in (convert(raw), quantized)]
    for exact, rounded in zip(*results, strict=True):
        assert np.abs(exact - rounded).max() <= 0.03 * max(1.0, np.abs(exact).max())


def _invoke(content: bytes) -> list[np.ndarray]:
    """Return the dequantised outputs of a model for one picture."""
    interpreter = tf.lite.Interpreter(model_content=content)
    interpreter.allocate_tensors()
    (info,) = interpreter.get_input_details()
    image = np.linspace(0, 1, 64 * 64 * 3, dtype=np.float32).reshape(info["shape"])
    scale, zero_point = info["quantization"]
    values = np.rint(image / scale + zero_point) if scale else image
    interpreter.set_tensor(info["index"], values.astype(info["dtype"]))
    interpreter.invoke()
    outputs = []
    for output in interpreter.get_output_details():
        scale, zero_point = output["quantization"]
        value = interpreter.get_tensor(output["index"]).astype(np.float32)
        outputs.append((value - zero_point) * (scale or 1.0))
    return outputs


def test_dark_pictures_do_not_narrow_the_input(small: ModelSource) -> None:
    dark = tiny.pictures(max_value=60)
    model = quantize(small, scheme=Scheme.INT8, calibration=dark)
    interpreter = tf.lite.Interpreter(model_content=model)
    ((scale, zero_point),) = [one["quantization"] for one in interpreter.get_input_details()]
    # The input of the classification family is float32 in -1..1.
    assert (scale, zero_point) == (pytest.approx(2 / 255, rel=1e-5), 127)


def test_weights_have_one_scale_or_one_for_each_channel(small: ModelSource) -> None:
    scales = [
        max(
            tensor.scale_count
            for tensor in parse_model(
                quantize(
                    small, scheme=Scheme.INT8, calibration=tiny.pictures(), per_channel=per_channel
                )
            ).tensors
        )
        for per_channel in (True, False)
    ]
    assert scales == [16, 1]


def test_learned_ranges_need_no_pictures() -> None:
    weights = tf.Variable(tf.random.uniform((3, 3, 3, 8), -1, 1, seed=1))

    @tf.function(input_signature=[tf.TensorSpec([1, 32, 32, 3], tf.float32)])
    def aware(image: tf.Tensor) -> tf.Tensor:
        fake_quantize = tf.quantization.fake_quant_with_min_max_args
        image = fake_quantize(image, 0.0, 0.98)
        kernel = fake_quantize(weights, -1.0, 1.0, narrow_range=True)
        return fake_quantize(tf.nn.conv2d(image, kernel, 2, "SAME"), -9.0, 9.0)

    metadata = ModelMetadata(mean=(0.0,), std=(255.0,))
    source = concrete_source(aware.get_concrete_function(), name="aware")
    source = replace(source, has_learned_ranges=True, metadata=metadata)
    content = quantize(source, scheme=Scheme.INT8, io=IoType.UINT8)
    model = parse_model(content)
    assert find_unquantized(model, include_activations=True).ops == ()
    assert [tensor.dtype for tensor in model.get_tensors((*model.inputs, *model.outputs))] == [
        "UINT8"
    ] * 2
    (info,) = tf.lite.Interpreter(model_content=content).get_input_details()
    # The learned range ends at 0.98, but the daemon does not rescale pixels.
    assert info["quantization"] == (pytest.approx(1 / 255), 0)


def test_too_few_pictures_are_refused(small: ModelSource) -> None:
    with pytest.raises(PicturesError, match=f"needs {MIN_PICTURES} pictures or more.*there are 7"):
        quantize(small, scheme=Scheme.INT8, calibration=tiny.pictures(7))


def test_arguments_that_exclude_each_other_are_refused(small: ModelSource) -> None:
    with pytest.raises(SourceError, match="uint8 needs int8"):
        quantize(small, scheme=Scheme.FLOAT16, io=IoType.UINT8)
    recipe = make_recipe(Scheme.DYNAMIC, None)
    with pytest.raises(SourceError, match=r"is already a \.tflite"):
        quantize_by_recipe(small, recipe, engine=EngineName.TENSORFLOW)
    quantized = quantize(small, scheme=Scheme.INT8, calibration=tiny.pictures())
    with pytest.raises(SourceError, match="already quantised"):
        tflite_source(quantized, name="quantized")


def test_a_network_of_no_known_family_needs_its_normalisation() -> None:
    image = layers.Input((32, 32, 3))
    net = keras.Model(image, layers.Reshape((30, 30, 5, 1))(layers.Conv2D(5, 3)(image)))
    source = tflite_source(convert(network_source(net, name="odd")), name="odd")
    with pytest.raises(SourceError, match=r"fits no supported family.*--mean and --std"):
        quantize(source, scheme=Scheme.INT8, calibration=tiny.pictures())


def test_the_command_warns_of_few_pictures_and_counts_them(
    small: ModelSource, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    model = tmp_path / "tiny.tflite"
    model.write_bytes(convert(small))
    scheme = ["--scheme", "int8", "--json", "--accept-default-normalisation"]
    assert main(["quantize", str(model), *scheme, "--calibrate", "scenes:train:25"]) == 0
    output = capsys.readouterr()
    assert json.loads(output.out)["calibrated_on"] == 25
    assert output.err == (
        "edged-models: calibrated on only 25 pictures: with 100 or more the ranges are more reliable\n"
    )
    assert (tmp_path / "tiny-int8.tflite").is_file()
    few = ["quantize", str(model), *scheme, "--calibrate", "scenes:train:3"]
    assert main([*few, "--out", str(tmp_path / "few.tflite")]) == 1
    assert not (tmp_path / "few.tflite").exists()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--scheme", "int8"], "int8 needs --calibrate"),
        (["--scheme", "float16", "--calibrate", "x"], "needs no pictures"),
        (["--scheme", "dynamic", "--io", "int8"], "--io needs int8"),
        (["--scheme", "float16", "--mean", "1"], "--mean and --std must be given together"),
        (["--scheme", "float16", "--mean", "1", "--std", "0"], "cannot be 0"),
        (["--scheme", "float16", "--mean", "1,2", "--std", "1"], "one number, or three"),
    ],
)
def test_wrong_options_are_usage_errors(
    options: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as exited:
        main(["quantize", "model.npz", *options])
    assert exited.value.code == 2
    assert message in capsys.readouterr().err
