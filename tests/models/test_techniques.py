"""Every technique on a classifier that is not edged's; what it promises is counted in the written file."""

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from ai_edge_litert.interpreter import Interpreter
from eager_mode import run_eagerly
from file_kernels import read_kernels
from foreign import classifier as foreign

from edged_models.cli.main import main
from edged_models.compression.channel_pruning import prune_channels
from edged_models.compression.clustering import cluster_weights
from edged_models.compression.distillation import build_student, distil
from edged_models.compression.fine_tune_settings import FineTuneSettings
from edged_models.compression.keras_network import KerasNetwork
from edged_models.compression.low_rank import factorize_network, list_ranks
from edged_models.compression.network import Network, NetworkTrainer
from edged_models.compression.norm_folding import fold_norms
from edged_models.compression.open_network import open_network, open_trainer
from edged_models.compression.qat import train_quantization_aware
from edged_models.compression.weight_pruning import ZeroPattern, prune_weights
from edged_models.conversion.convert import convert
from edged_models.conversion.tflite_model import parse_model
from edged_models.conversion.unquantized import find_unquantized
from edged_models.errors import SourceError, ToolError
from edged_models.quantization.quantize import quantize
from edged_models.quantization.scheme import Scheme
from edged_models.tensorflow import keras, layers

TUNING = FineTuneSettings(steps=24)
MAX_LOSS = 0.1


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with the pictures, and the network that was trained on them."""
    where = tmp_path_factory.mktemp("foreign")
    foreign.write_class_folder(where / "pictures", count=40)
    foreign.write_class_folder(where / "held-out", count=20, seed=2)
    foreign.train(where / "pictures", epochs=20).save(where / "classifier.keras")
    return where


@pytest.fixture(scope="module")
def network(folder: Path) -> Network:
    return open_network(str(folder / "classifier.keras"))


@pytest.fixture(scope="module")
def trainer(network: Network, folder: Path) -> NetworkTrainer:
    return open_trainer(network, str(folder / "pictures"))[1]


@pytest.fixture(scope="module")
def pruned(network: Network, trainer: NetworkTrainer) -> Network:
    with run_eagerly():
        return prune_weights(network, trainer, share=0.5, tuning=TUNING)


@pytest.fixture(scope="module")
def pruned_and_clustered(pruned: Network, trainer: NetworkTrainer) -> Network:
    with run_eagerly():
        return cluster_weights(pruned, trainer, clusters=16, tuning=TUNING)


def write_float(network: Network) -> bytes:
    return convert(network.to_source(name="foreign"))


def write_int8(network: Network, folder: Path) -> bytes:
    images, _ = foreign.read_folder(folder / "pictures")
    calibration = list(images[::4].astype(np.uint8))
    source = network.to_source(name="foreign")
    model = quantize(source, scheme=Scheme.INT8, calibration=calibration)
    left = find_unquantized(parse_model(model), include_activations=True)
    assert left.ops == ()
    return model


def measure_accuracy(model: bytes, folder: Path) -> float:
    """Return the top-1 accuracy of a file on pictures that nothing was trained on."""
    images, classes = foreign.read_folder(folder / "held-out")
    interpreter = Interpreter(model_content=model)
    interpreter.allocate_tensors()
    given, wanted = interpreter.get_input_details()[0], interpreter.get_output_details()[0]
    best = []
    for image in images:
        interpreter.set_tensor(given["index"], image[None].astype(given["dtype"]))
        interpreter.invoke()
        best.append(interpreter.get_tensor(wanted["index"]).argmax())
    return float((np.array(best) == classes).mean())


def check_accuracy(model: bytes, network: Network, folder: Path) -> None:
    before = measure_accuracy(write_float(network), folder)
    assert before > 0.85
    assert measure_accuracy(model, folder) > before - MAX_LOSS


def count_zeros(model: bytes) -> list[float]:
    return [float((kernel.values == 0).mean()) for kernel in read_kernels(model)]


def count_values(model: bytes) -> int:
    return max(len(np.unique(kernel.values)) for kernel in read_kernels(model))


def test_the_asked_share_of_weights_is_zero_in_the_file(
    network: Network, pruned: Network, folder: Path
) -> None:
    plain, int8 = write_float(pruned), write_int8(pruned, folder)
    # Exactly half of each kernel, all of which have an even number of weights.
    assert count_zeros(plain) == [0.5] * len(count_zeros(plain))
    # Small weights may be rounded to zero as well.
    assert all(0.5 <= share < 0.53 for share in count_zeros(int8))
    check_accuracy(int8, network, folder)


def test_two_of_four_successive_inputs_are_zero_in_the_file(network: Network) -> None:
    pattern = ZeroPattern(2, 4)
    pruned = prune_weights(network, None, share=0.5, pattern=pattern, tuning=TUNING)
    kernels = [one.values for one in read_kernels(write_float(pruned))]
    assert kernels
    for values in kernels:
        inputs = values.shape[-1] - values.shape[-1] % 4
        groups = values[..., :inputs].reshape(-1, 4)
        assert np.all((groups == 0).sum(axis=1) == 2)
        assert np.all(values[..., inputs:] != 0)
    with pytest.raises(ToolError, match="nothing to prune"):
        prune_weights(pruned, None, share=0.5, pattern=pattern, tuning=TUNING)


def test_a_folded_network_gives_the_same_outputs(network: Network, folder: Path) -> None:
    images, _ = foreign.read_folder(folder / "held-out")
    folded = fold_norms(network.model)
    assert not any(isinstance(layer, layers.BatchNormalization) for layer in folded.layers)
    np.testing.assert_allclose(
        folded(images, training=False), network.model(images, training=False), atol=1e-4
    )


def test_few_values_are_in_the_file_and_zeros_are_kept(
    network: Network, pruned_and_clustered: Network, folder: Path
) -> None:
    plain = write_float(pruned_and_clustered)
    int8 = write_int8(pruned_and_clustered, folder)
    assert count_values(write_float(network)) > 1000
    for model in (plain, int8):
        assert count_values(model) <= 16
        assert all(share >= 0.5 for share in count_zeros(model))
    # The shared values are multiples of the scale, so 8 bits hold them exactly.
    for kernel, codes in zip(read_kernels(plain), read_kernels(int8), strict=True):
        assert len(np.unique(codes.scale)) == 1
        np.testing.assert_allclose(codes.values * codes.scale[0], kernel.values, rtol=1e-5)
    check_accuracy(int8, network, folder)


def test_pruning_after_clustering_keeps_the_values(
    network: Network, trainer: NetworkTrainer
) -> None:
    clustered = cluster_weights(network, None, clusters=8, tuning=TUNING)
    with run_eagerly():
        pruned = prune_weights(clustered, trainer, share=0.5, tuning=TUNING)
    model = write_float(pruned)
    assert count_zeros(model) == [0.5] * len(count_zeros(model))
    assert count_values(model) <= 9


def test_quantisation_aware_training_keeps_zeros_and_shared_values(
    network: Network, pruned_and_clustered: Network, trainer: NetworkTrainer, folder: Path
) -> None:
    with run_eagerly():
        aware = train_quantization_aware(pruned_and_clustered, trainer, tuning=TUNING)
    int8 = write_int8(aware, folder)
    assert count_values(int8) <= 16
    assert all(share >= 0.5 for share in count_zeros(int8))
    check_accuracy(int8, network, folder)


def test_channels_are_removed(network: Network, trainer: NetworkTrainer, folder: Path) -> None:
    with run_eagerly():
        narrow = prune_channels(network, trainer, share=0.25, tuning=TUNING)
    assert narrow.count_parameters() < 0.8 * network.count_parameters()
    check_accuracy(write_int8(narrow, folder), network, folder)


def test_a_factorised_network_is_smaller(
    network: Network, trainer: NetworkTrainer, folder: Path
) -> None:
    with run_eagerly():
        factorized = factorize_network(network, trainer, energy=0.8, tuning=TUNING)
    assert list_ranks(factorized.model)
    assert factorized.count_parameters() < network.count_parameters()
    check_accuracy(write_int8(factorized, folder), network, folder)


def test_a_student_learns_from_its_teacher(
    network: Network, trainer: NetworkTrainer, tmp_path: Path
) -> None:
    code = tmp_path / "student.py"
    code.write_text(
        "from foreign import classifier\n\n\ndef small():\n    return classifier.build(width=8)\n"
        "\n\ndef other():\n    return classifier.build(classes=3)\n"
    )
    with run_eagerly():
        student = distil(
            network,
            trainer,
            student=build_student(network, f"{code}:small"),
            tuning=FineTuneSettings(steps=80),
        )
    assert student.count_parameters() < 0.5 * network.count_parameters()
    accuracy = trainer.evaluate(student.model)
    assert accuracy is not None
    assert accuracy > 0.5  # of four classes
    with pytest.raises(ToolError, match=r"the student's outputs \[\[None, 3\]\] is not that of"):
        distil(network, trainer, student=build_student(network, f"{code}:other"), tuning=TUNING)


def test_a_layer_that_the_toolkit_does_not_know_is_named(trainer: NetworkTrainer) -> None:
    image = layers.Input((32, 32, 3))
    x = layers.GlobalMaxPooling2D()(layers.ELU(name="smooth")(layers.Conv2D(4, 3)(image)))
    odd = KerasNetwork(name="odd", model=keras.Model(image, layers.Dense(4)(x)))
    with pytest.raises(ToolError, match=r"does not know smooth \(ELU\); build the network without"):
        train_quantization_aware(odd, trainer, tuning=TUNING)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: layers.Conv2D(4, 3), "is no classifier .* give --train-on file.py:trainer"),
        (layers.Flatten, "normalisation of .* is not known: give --mean and --std"),
    ],
)
def test_what_cannot_be_trained_is_refused(
    folder: Path, make: Callable[[], layers.Layer], message: str
) -> None:
    image = layers.Input((4, 4, 3))
    net = KerasNetwork(name="odd", model=keras.Model(image, make()(image)))
    with pytest.raises(SourceError, match=message):
        open_trainer(net, str(folder / "pictures"))


def test_a_function_of_the_users_trains(network: Network, tmp_path: Path) -> None:
    code = tmp_path / "own.py"
    code.write_text(
        "def trainer(model, steps, progress):\n"
        "    for step in range(steps):\n"
        "        kernel = model.layers[-1].kernel\n"
        "        kernel.assign(kernel * 0.99 + 0.001)\n"
        "        progress(step + 1)\n\n\n"
        "def silent(model, steps, progress):\n    pass\n\n\n"
        "def broken(model, steps, progress):\n    raise KeyError('no such picture')\n\n\n"
        "def evaluate(model):\n    return 0.25\n"
    )
    _, trainer, _ = open_trainer(network, f"{code}:trainer")
    assert trainer.evaluate(network.model) == 0.25
    pruned = prune_weights(network, trainer, share=0.5, tuning=TUNING)
    assert all(share == 0.5 for share in count_zeros(write_float(pruned)))
    for name, message in (
        ("silent", "reported 0 of 24 steps: it must call progress"),
        ("broken", r"own.py:broken failed, line 13: KeyError: 'no such picture'"),
    ):
        _, bad, _ = open_trainer(network, f"{code}:{name}")
        with pytest.raises(ToolError, match=message):
            prune_weights(network, bad, share=0.5, tuning=TUNING)
    with pytest.raises(ToolError, match="has no missing"):
        open_trainer(network, f"{code}:missing")


def test_the_commands_write_a_network_of_the_same_kind(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    start, out = str(folder / "classifier.keras"), tmp_path / "pruned.keras"
    command = ["prune", start, "--by", "weight", "--share", "0.5", "--out", str(out), "--json"]
    assert main(command) == 1
    assert "give --train-on a folder of pictures or file.py:trainer" in capsys.readouterr().err
    with run_eagerly():
        assert main([*command, "--train-on", str(folder / "pictures"), "--steps", "8"]) == 0
    result = json.loads(capsys.readouterr().out)
    assert result["labels"] == list(foreign.CLASSES)
    assert result["summary"] == "50.0% of the weights are zero"
    assert result["accuracy_before"] > 0.8
    assert all(share == 0.5 for share in count_zeros(write_float(open_network(str(out)))))
    assert main(["cluster", str(out), "--no-fine-tuning", "--json"]) == 0
    written = Path(json.loads(capsys.readouterr().out)["out"])
    assert written == tmp_path / "pruned-clusters-16.keras"
    assert count_values(write_float(open_network(str(written)))) <= 16
    assert main(["cluster", str(out), "--no-fine-tuning", "--out", str(tmp_path / "x.npz")]) == 1
    assert "must end in .keras" in capsys.readouterr().err
