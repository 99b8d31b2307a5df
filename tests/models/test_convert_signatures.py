"""Signatures of SavedModels and modules: one is chosen, or several go into one file that both runtimes can run by name."""

from pathlib import Path

import numpy as np
import pytest
from run_signatures import INTERPRETERS, load, run_first_graph

from edged_models.cli.main import main
from edged_models.conversion.convert import convert
from edged_models.conversion.open_source import open_source
from edged_models.conversion.quantize import Scheme, quantize
from edged_models.conversion.source import ModelSource
from edged_models.errors import SourceError
from edged_models.tensorflow import tf

LEARNER = """
import tensorflow as tf

PICTURE = tf.TensorSpec([1, 32, 32, 3], tf.float32)

class Learner(tf.Module):
    def __init__(self):
        super().__init__()
        self.weights = tf.Variable(tf.ones((3, 2)))

    def scores(self, image):
        return tf.reduce_mean(image, [1, 2]) @ self.weights

    @tf.function(input_signature=[PICTURE])
    def classify(self, image):
        return {"scores": self.scores(image), "mean": tf.reduce_mean(image, [1, 2])}

    @tf.function(input_signature=[PICTURE, tf.TensorSpec([1, 2], tf.float32)])
    def adapt(self, image, wanted):
        error = self.scores(image) - wanted
        means = tf.reduce_mean(image, [1, 2])
        self.weights.assign_sub(0.1 * tf.matmul(means, error, transpose_a=True))
        return {"loss": tf.reduce_sum(error ** 2)}

    @tf.function(input_signature=[])
    def get(self):
        return {"weights": self.weights.read_value()}

learner = Learner()

class Callable(tf.Module):
    @tf.function(input_signature=[tf.TensorSpec([None, None, None, 3], tf.float32)])
    def __call__(self, image):
        return tf.reduce_sum(image, [1, 2]), tf.reduce_max(image, [1, 2])
"""
PICTURE = np.linspace(-1, 1, 32 * 32 * 3, dtype=np.float32).reshape(1, 32, 32, 3)
ALL = ("classify", "adapt", "get")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("signatures")
    (folder / "learner.py").write_text(LEARNER)
    names: dict[str, type] = {}
    exec(compile(LEARNER, folder / "learner.py", "exec"), names)  # noqa: S102  # the class of the file
    learner = names["Learner"]()
    functions = {name: getattr(learner, name) for name in ALL}
    tf.saved_model.save(learner, str(folder / "saved"), signatures=functions)
    return folder


@pytest.fixture(scope="module", params=["saved", "learner.py:learner"])
def source(request: pytest.FixtureRequest, folder: Path) -> ModelSource:
    return open_source(str(folder / request.param), all_signatures=True)


def test_several_signatures_without_a_default_are_refused(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for spec in ("saved", "learner.py:learner"):
        assert main(["convert", str(folder / spec)]) == 1
        error = capsys.readouterr().err
        assert "has the signatures adapt, classify, get and no " in error
        assert error.count("\n") == 1
        with pytest.raises(SourceError, match="has no signature infer; it has adapt, classify"):
            open_source(str(folder / spec), signatures=["infer"])


def test_one_signature_is_chosen_and_its_names_are_kept(folder: Path) -> None:
    model = convert(open_source(str(folder / "saved"), signatures=["classify"]))
    interpreter = load(model)
    assert interpreter.get_signature_list() == {
        "classify": {"inputs": ["image"], "outputs": ["mean", "scores"]}
    }


@pytest.mark.parametrize("runtime", INTERPRETERS)
def test_both_runtimes_list_and_run_all_signatures(source: ModelSource, runtime: str) -> None:
    interpreter = load(convert(source), runtime)
    assert sorted(interpreter.get_signature_list()) == sorted(ALL)
    runners = {name: interpreter.get_signature_runner(name) for name in ALL}
    wanted = np.float32([[0, 1]])
    before = runners["classify"](image=PICTURE + 1)["scores"]
    losses = [runners["adapt"](image=PICTURE + 1, wanted=wanted)["loss"] for _ in range(40)]
    after = runners["classify"](image=PICTURE + 1)["scores"]
    assert losses[-1] < 0.01 * losses[0]
    assert np.abs(after - wanted).max() < 0.1 < np.abs(before - wanted).max()
    assert runners["get"]()["weights"].shape == (3, 2)


def test_the_first_graph_takes_the_picture(source: ModelSource) -> None:
    expected = source.run(PICTURE)
    assert len(expected) == 2
    for precision in (convert, lambda one: quantize(one, scheme=Scheme.FLOAT16)):
        for found, wanted in zip(
            run_first_graph(precision(source), PICTURE), expected, strict=True
        ):
            assert np.abs(found - wanted).max() < 1e-3


@pytest.mark.parametrize("scheme", [Scheme.DYNAMIC, Scheme.FLOAT16])
def test_weights_of_fewer_bits_keep_the_signatures(source: ModelSource, scheme: Scheme) -> None:
    interpreter = load(quantize(source, scheme=scheme))
    assert sorted(interpreter.get_signature_list()) == sorted(ALL)


def test_the_command_writes_several_signatures(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    outs = [tmp_path / name for name in ("one.tflite", "two.tflite")]
    for out in outs:
        choice = ["--signatures", "adapt,classify", "--out", str(out)]
        assert main(["convert", str(folder / "saved"), *choice]) == 0
    output = capsys.readouterr().out
    assert "classify(image) -> mean, scores\n" in output
    assert "adapt(image, wanted) -> loss\n" in output
    assert outs[0].read_bytes() == outs[1].read_bytes()
    assert main(["convert", str(folder / "saved"), "--signatures", "adapt,get"]) == 1
    assert "has a single input" in capsys.readouterr().err


def test_a_module_is_called(folder: Path) -> None:
    source = open_source(f"{folder / 'learner.py'}:Callable", side_px=32)
    found = run_first_graph(convert(source), PICTURE)
    for one, wanted in zip(found, source.run(PICTURE), strict=True):
        assert np.abs(one - wanted).max() < 1e-3
    assert np.abs(found[1] - PICTURE.max((1, 2))).max() < 1e-6
