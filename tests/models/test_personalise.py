"""`edged-models personalise`, and what a device does with its model, on both runtimes."""

import re
from importlib import import_module
from pathlib import Path

import numpy as np
import pytest

from edged import bundled
from edged.config.settings import ModelSettings
from edged.errors import ModelError
from edged.model.file.graph import read_graph
from edged.model.load import load_model
from edged.personalise.classifier import PictureClassifier
from edged.personalise.head_file import locate_head
from edged.personalise.learn import learn
from edged.personalise.learning_pictures import read_learning_pictures
from edged_models.cli.main import main
from edged_models.conversion.metadata import attach_metadata
from edged_models.conversion.model_metadata import ModelMetadata
from edged_models.tensorflow import tf
from support.data_files import data_file
from support.drawn_classes import PERSONALISABLE, draw_classes

RUNTIMES = ("litert", "tflite")
SIDE_PX = 32


@pytest.fixture(scope="module")
def marks(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The bundled detector's backbone with a new last layer."""
    out = tmp_path_factory.mktemp("marks") / "personalisable.tflite"
    given = [str(bundled.model_path()), "--tensor", "stage32b_sum", "--out", str(out)]
    assert main(["personalise", *given]) == 0
    return out


@pytest.fixture(scope="module")
def keras_classifier(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A float classifier from Keras, with a normalisation of its own."""
    tf.keras.utils.set_random_seed(1)
    layers = tf.keras.layers
    model = tf.keras.Sequential(
        [
            layers.Input((SIDE_PX, SIDE_PX, 3), 1),
            layers.Conv2D(8, 3, strides=2, activation="relu"),
            layers.GlobalAveragePooling2D(),
            layers.Dense(3, activation="softmax"),
        ]
    )
    content = tf.lite.TFLiteConverter.from_keras_model(model).convert()
    out = tmp_path_factory.mktemp("keras") / "classifier.tflite"
    metadata = ModelMetadata(labels=("a", "b", "c"), mean=(10.0,), std=(50.0,))
    out.write_bytes(attach_metadata(content, metadata))
    return out


@pytest.mark.parametrize("runtime", RUNTIMES)
def test_a_few_pictures_suffice_for_others_on_the_other_runtime(
    marks: Path, tmp_path: Path, runtime: str
) -> None:
    pictures = read_learning_pictures(draw_classes(tmp_path / "few", 8, seed=1))
    new = tmp_path / "new.tflite"
    report = learn(
        ModelSettings(path=marks, runtime=runtime),
        pictures,
        new,
        steps=300,
        seed=0,
        on_progress=lambda _text, _fraction: None,
    )
    others = read_learning_pictures(draw_classes(tmp_path / "others", 10, seed=2))
    (other_runtime,) = set(RUNTIMES) - {runtime}
    classifier = PictureClassifier(ModelSettings(path=new, runtime=other_runtime))
    correct = [
        classifier.classify(classifier.encode(one)) == others.labels[one.class_id]
        for one in others.pictures
    ]
    assert np.mean(correct) >= 0.9
    assert (report.accuracy_before, report.accuracy_after) == (0.0, 1.0)
    assert report.loss < 0.1


def test_a_learnt_model_is_a_normal_classifier_that_can_learn_again(
    marks: Path, tmp_path: Path
) -> None:
    pictures = read_learning_pictures(draw_classes(tmp_path / "few", 4, seed=1))
    first, second = tmp_path / "first.tflite", tmp_path / "second.tflite"
    for old, new in ((marks, first), (first, second)):
        learn(
            ModelSettings(path=old, runtime="litert"),
            pictures,
            new,
            steps=50,
            seed=0,
            on_progress=lambda _text, _fraction: None,
        )
    assert first.read_bytes() == second.read_bytes(), "the training begins from zero"
    loaded = load_model(ModelSettings(path=first))
    assert loaded.family.name == "classification"
    assert loaded.labels[:3] == (*pictures.labels, "???")
    location = locate_head(first)
    changed = np.frombuffer(first.read_bytes()[: marks.stat().st_size // 2], np.uint8)
    before = np.frombuffer(marks.read_bytes()[: marks.stat().st_size // 2], np.uint8)
    differs = np.flatnonzero(changed != before)
    constants = [
        (location.weights_offset, 4 * location.classes * location.features),
        (location.bias_offset, 4 * location.classes),
    ]
    assert all(any(o <= at < o + size for o, size in constants) for at in differs), "nothing else"


def test_the_normalisation_of_the_source_is_kept(keras_classifier: Path, tmp_path: Path) -> None:
    out = tmp_path / "new.tflite"
    assert main(["personalise", str(keras_classifier), "--classes", "5", "--out", str(out)]) == 0
    loaded = load_model(ModelSettings(path=out))
    assert (loaded.family.input.mean, loaded.family.input.std) == ((10.0,), (50.0,))
    assert len(loaded.labels) == 5
    location = locate_head(out)
    assert (location.classes, location.features) == (5, 8)


def test_the_last_layer_of_a_quantised_classifier_is_found(tmp_path: Path) -> None:
    classifier = data_file("models/mobilenet_v1_0.25_128_quant.tflite")
    out = tmp_path / "new.tflite"
    assert main(["personalise", str(classifier), "--out", str(out)]) == 0
    # Half of that model is the classifier's last layer, which is left out.
    assert out.stat().st_size < 0.6 * classifier.stat().st_size
    assert locate_head(out).features == 256
    assert read_graph(out).entry_point.signature == "serving_default"


def test_a_second_run_writes_the_same_bytes(keras_classifier: Path, tmp_path: Path) -> None:
    first, second = tmp_path / "first.tflite", tmp_path / "second.tflite"
    for out in (first, second):
        assert main(["personalise", str(keras_classifier), "--out", str(out)]) == 0
    assert first.read_bytes() == second.read_bytes()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("/none.tflite",), "cannot read /none.tflite"),
        ((__file__,), "is not a TensorFlow Lite model"),
        ((str(bundled.model_path()),), "does not end with one layer of class scores: name"),
        ((str(bundled.model_path()), "--tensor", "nose"), "'nose' in its name"),
        ((str(bundled.model_path()), "--tensor", "head8_boxes"), "holds no features"),
    ],
)
def test_a_source_without_features_is_a_one_line_error(
    tmp_path: Path,
    arguments: tuple[str, ...],
    message: str,
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert main(["personalise", *arguments, "--out", str(tmp_path / "new.tflite")]) == 1
    error = capsys.readouterr().err
    assert re.fullmatch(rf"edged-models: .*{message}.*\n", error)
    assert list(tmp_path.iterdir()) == []


def test_a_model_without_a_float_layer_and_bias_is_refused(keras_classifier: Path) -> None:
    quantised = data_file("models/mobilenet_v1_0.25_128_quant.tflite")
    for model in (quantised, keras_classifier):  # the converter has left out a bias of zeros
        with pytest.raises(ModelError, match="does not end with a layer that can be trained"):
            locate_head(model)


def test_the_model_of_the_daemons_tests_is_up_to_date() -> None:
    from make_personalisable_model import make_model

    assert make_model() == PERSONALISABLE.read_bytes()


class SavingModule(tf.Module):
    """A module that saves its weights as TensorFlow's guide shows."""

    def __init__(self) -> None:
        super().__init__()
        self.w = tf.Variable(tf.zeros((2,)))

    @tf.function(input_signature=[tf.TensorSpec((), tf.string)])
    def save(self, path: tf.Tensor) -> dict[str, tf.Tensor]:
        tf.raw_ops.Save(filename=path, tensor_names=["w"], data=[self.w.read_value()])
        return {"path": path}


def test_the_official_way_to_save_weights_needs_operators_that_no_runtime_has(
    tmp_path: Path,
) -> None:
    """If this fails, the section in docs/models/learning-on-the-device.md is outdated, and `get` and `put` can be removed."""
    module = SavingModule()
    concrete = module.save.get_concrete_function()
    tf.saved_model.save(module, str(tmp_path), signatures={"save": concrete})
    converter = tf.lite.TFLiteConverter.from_saved_model(str(tmp_path))
    converter.experimental_enable_resource_variables = True
    builtins = tf.lite.OpsSet.TFLITE_BUILTINS
    converter.target_spec.supported_ops = [builtins, tf.lite.OpsSet.SELECT_TF_OPS]
    model = converter.convert()
    for package in ("ai_edge_litert", "tflite_runtime"):
        interpreter = import_module(f"{package}.interpreter").Interpreter(model_content=model)
        with pytest.raises(RuntimeError, match=r"Flex delegate.*\(FlexSave\) failed to prepare"):
            interpreter.get_signature_runner("save")(path=np.array("w"))
