"""The commands' verification: normalisation, both runtimes, and the comparison with the source."""

import json
from pathlib import Path

import numpy as np
import pytest
import tiny
from trap_nets.pixel_head import build_pixel_head, write_squares

from edged_models.cli.main import main
from edged_models.conversion.metadata import read_model_metadata
from edged_models.tensorflow import keras, layers, tf

CONFIRMED = "--accept-default-normalisation"
RESCALINGS = {
    "folded into the convolution": layers.Rescaling(1 / 255),
    "with an offset": layers.Rescaling(1 / 127.5, -1),
    "of the mean and variance": layers.Normalization(mean=[120.0] * 3, variance=[3000.0] * 3),
}


@pytest.fixture(scope="module")
def net() -> keras.Model:
    return tiny.build()


@pytest.fixture(scope="module")
def plain(net: keras.Model, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("plain") / "plain.keras"
    net.save(path)
    return path


@pytest.fixture(scope="module")
def pixel_head(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("pixels") / "head"
    tf.saved_model.save(build_pixel_head(), str(folder))
    write_squares(folder.parent / "squares", 20)
    return folder


def with_rescaling(net: keras.Model, layer: layers.Layer) -> keras.Model:
    image = layers.Input((tiny.SIDE_PX, tiny.SIDE_PX, 3))
    return keras.Model(image, net(layer(image)))


@pytest.mark.parametrize("name", RESCALINGS)
def test_the_daemon_feeds_pixels_to_a_net_that_rescales_them_itself(
    net: keras.Model, tmp_path: Path, capsys: pytest.CaptureFixture[str], name: str
) -> None:
    whole = with_rescaling(net, RESCALINGS[name])
    tf.saved_model.save(whole, str(tmp_path / "whole"))
    assert main(["convert", str(tmp_path / "whole"), "--json"]) == 0
    used = json.loads(capsys.readouterr().out)["verification"]["normalisation"]
    assert (used["mean"], used["std"], used["origin"]) == ([0.0], [1.0], "graph")
    metadata = read_model_metadata((tmp_path / "whole.tflite").read_bytes())
    assert (metadata.mean, metadata.std) == ((0.0,), (1.0,))
    picture = np.full((40, 48, 3), 200, np.uint8)
    expected = whole(np.full((1, tiny.SIDE_PX, tiny.SIDE_PX, 3), 200, np.float32)).numpy()
    (output,) = tiny.run(tmp_path / "whole.tflite", "litert", picture).outputs
    assert np.abs(output - expected).max() < 1e-4


def test_a_net_with_rescaling_is_calibrated_on_pixels(net: keras.Model, tmp_path: Path) -> None:
    whole = with_rescaling(net, RESCALINGS["folded into the convolution"])
    tf.saved_model.save(whole, str(tmp_path / "whole"))
    calibrate = ["--scheme", "int8", "--calibrate", "scenes:train:20"]
    assert main(["quantize", str(tmp_path / "whole"), *calibrate]) == 0
    picture = np.full((40, 48, 3), 200, np.uint8)
    expected = whole(np.full((1, tiny.SIDE_PX, tiny.SIDE_PX, 3), 200, np.float32)).numpy()
    result = tiny.run(tmp_path / "whole-int8.tflite", "litert", picture)
    assert np.all(result.tensor == 200)
    assert np.abs(result.outputs[0] - expected).max() < 0.06


def test_a_second_normalisation_is_refused(
    net: keras.Model, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    tf.saved_model.save(with_rescaling(net, layers.Rescaling(1 / 255)), str(tmp_path / "whole"))
    twice = ["convert", str(tmp_path / "whole"), "--mean", "127.5", "--std", "127.5"]
    assert main(twice) == 1
    error = capsys.readouterr().err
    assert "its input would be normalised twice" in error
    assert error.endswith("give --mean 0 --std 1\n")
    assert not (tmp_path / "whole.tflite").exists()


def test_a_default_normalisation_must_be_confirmed(
    plain: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = plain.with_suffix(".tflite")
    assert main(["convert", str(plain)]) == 1
    error = capsys.readouterr().err
    assert error.count("\n") == 1
    assert "127.5 and 127.5 (-1..1)" in error
    assert CONFIRMED in error
    assert not out.exists()
    assert main(["convert", str(plain), CONFIRMED]) == 0
    assert "the default of the family classification, as confirmed" in capsys.readouterr().out
    assert read_model_metadata(out.read_bytes()).mean == (127.5,)
    # The file's metadata says it from now on.
    assert main(["quantize", str(out), "--scheme", "int8", "--calibrate", "scenes:train:20"]) == 0
    assert "the source's metadata" in capsys.readouterr().out


@pytest.mark.parametrize("count", [2, tiny.CLASSES + 5])
def test_labels_of_another_number_than_the_classes_are_refused(
    plain: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], count: int
) -> None:
    labels, out = tmp_path / "labels.txt", tmp_path / "out.tflite"
    labels.write_text("".join(f"class-{number}\n" for number in range(count)))
    arguments = ["--labels", str(labels), "--mean", "127.5", "--std", "127.5"]
    assert main(["convert", str(plain), *arguments, "--out", str(out)]) == 1
    error = capsys.readouterr().err
    assert f"{tiny.CLASSES} classes" in error
    assert str(count) in error
    assert error.count("\n") == 1
    assert not out.exists()


def test_scores_beside_pixels_are_not_lost_in_silence(
    pixel_head: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "head.tflite"
    command = ["quantize", str(pixel_head), "--mean", "0", "--std", "255", "--out", str(out)]
    command += ["--calibrate", str(pixel_head.parent / "squares"), "--scheme"]
    assert main([*command, "int8"]) == 1
    error = capsys.readouterr().err
    assert "3 of 7 channels lost their values: they reach 1 where others reach 3" in error
    assert "use --scheme int16x8" in error
    assert not out.exists()
    assert main([*command, "int8", "--accept-loss"]) == 0
    assert "accepted: output 'concatenate" in capsys.readouterr().err
    assert out.exists()


def test_boxes_are_compared_as_the_daemon_reads_them(
    pixel_head: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    command = ["convert", str(pixel_head), "--mean", "0", "--std", "255", "--json"]
    command += ["--verify-on", str(pixel_head.parent / "squares")]
    assert main([*command, "--out", str(tmp_path / "head.tflite")]) == 0
    boxes = json.loads(capsys.readouterr().out)["verification"]["runtimes"][0]["boxes"]
    assert boxes["source_objects"] == boxes["result_objects"] == 60
    assert boxes["agreement"] == 1.0
    assert boxes["mean_iou"] > 0.99


def test_a_runtime_that_does_not_know_an_operator_is_told(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    keras.utils.set_random_seed(2)
    image = layers.Input((tiny.SIDE_PX, tiny.SIDE_PX, 3))
    hidden = layers.Dense(64, activation="relu")(layers.Flatten()(image))
    net = keras.Model(image, layers.Softmax()(layers.Dense(64)(hidden)))
    tf.saved_model.save(net, str(tmp_path / "dense"))
    command = ["quantize", str(tmp_path / "dense"), "--scheme", "dynamic", CONFIRMED]
    assert main(command) == 0
    output = capsys.readouterr()
    assert "litert 2.3.0, not on tflite" in output.out
    assert "FULLY_CONNECTED' version '12'" in output.err
    (tmp_path / "dense-dynamic.tflite").unlink()
    assert main([*command, "--must-run-on", "both"]) == 1
    assert "FULLY_CONNECTED' version '12'" in capsys.readouterr().err
    assert not (tmp_path / "dense-dynamic.tflite").exists()


def test_a_checkpoint_needs_no_confirmation_and_is_compared_with_its_float_model(
    checkpoint_file: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    command = ["quantize", str(checkpoint_file), "--side", "64", "--json"]
    command += ["--scheme", "int8", "--calibrate", "scenes:train:20"]
    assert main([*command, "--out", str(tmp_path / "small.tflite")]) == 0
    verification = json.loads(capsys.readouterr().out)["verification"]
    assert verification["normalisation"]["origin"] == "metadata"
    assert verification["reference"] == "the float32 model"
    assert [one["runs"] for one in verification["runtimes"]] == [True, True]


def test_weights_beyond_float16_are_refused(
    net: keras.Model, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    huge = keras.models.clone_model(net)
    huge.set_weights(net.get_weights())
    first, *_, last = [one for one in huge.layers if one.get_weights()]
    first.set_weights([one * 1e8 for one in first.get_weights()])
    last.set_weights([last.get_weights()[0] / 1e8, last.get_weights()[1]])
    tf.saved_model.save(huge, str(tmp_path / "huge"))
    assert main(["quantize", str(tmp_path / "huge"), "--scheme", "float16", CONFIRMED]) == 1
    error = capsys.readouterr().err
    assert "use --scheme dynamic: float16 has no values above 65504" in error
    assert not (tmp_path / "huge-float16.tflite").exists()
