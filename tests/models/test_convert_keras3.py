"""Files of Keras 3: they are loaded with Keras 3, in another process, and the outputs are those that Keras 3 computes."""

import os
import signal
import subprocess
import sys
import time
import zipfile
from pathlib import Path

import h5py
import numpy as np
import pytest
from run_signatures import run_first_graph

from edged_models.cli.main import main
from edged_models.conversion.convert import convert
from edged_models.conversion.keras_archive import read_keras_archive
from edged_models.conversion.open_source import open_source
from edged_models.errors import SourceError

CONVERT = (sys.executable, "-m", "edged_models.cli.main", "convert")
LAYERS = """
import keras

@keras.saving.register_keras_serializable(package="tests")
class Twice(keras.Model):
    def __init__(self, **options):
        super().__init__(**options)
        self.convolution = keras.layers.Conv2D(4, 3, 2)
        self.pooling = keras.layers.GlobalAveragePooling2D()
        self.dense = keras.layers.Dense(2)

    def call(self, image):
        pooled = self.pooling(self.convolution(image))
        return {"scores": self.dense(pooled), "features": pooled}
"""
WRITE_FILES = """
import os
import keras, numpy as np
from layers3 import Twice

keras.utils.set_random_seed(4)
tensor = np.random.default_rng(1).uniform(-1, 1, (1, 32, 32, 3)).astype(np.float32)
image = keras.Input((32, 32, 3))
x = keras.layers.GlobalAveragePooling2D()(keras.layers.Conv2D(8, 3, 2, activation="relu")(image))
functional = keras.Model(image, [keras.layers.Dense(4, name="zeta")(x), keras.layers.Dense(3, name="alpha")(x)])
functional.save("functional.keras")
functional.save("functional.h5")
subclassed = Twice()
outputs = subclassed(tensor)
subclassed.save("subclassed.keras")
def leave_trace(path):
    return lambda x: (open(path, "a").close(), x * 3)[1]
inner = keras.Sequential([keras.Input((32, 32, 3)), keras.layers.Lambda(leave_trace(os.path.abspath("ran")), name="three")])
nested = keras.Sequential([keras.Input((32, 32, 3)), inner, keras.layers.Flatten(), keras.layers.Dense(2, name="last")])
nested.save("nested.keras")
nested.save("nested.h5")
np.savez(
    "expected.npz",
    tensor=tensor,
    functional=np.concatenate([one.numpy().ravel() for one in functional(tensor)]),
    subclassed=np.concatenate([one.numpy().ravel() for one in outputs.values()]),
    nested=nested(tensor).numpy().ravel(),
)
os.remove("ran")
"""


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("keras3")
    (folder / "layers3.py").write_text(LAYERS)
    (folder / "write.py").write_text(WRITE_FILES)
    environment = {**os.environ, "TF_USE_LEGACY_KERAS": "0", "KERAS_BACKEND": "tensorflow"}
    subprocess.run([sys.executable, "write.py"], cwd=folder, env=environment, check=True)
    return folder


@pytest.mark.parametrize(
    ("file", "options", "outputs"),
    [
        ("functional.keras", {}, ("zeta", "alpha")),
        ("subclassed.keras", {"custom": "layers3.py"}, ("scores", "features")),
        ("nested.keras", {"trust_code": True}, ("last",)),
    ],
)
def test_outputs_and_their_order_are_those_of_keras_3(
    files: Path, file: str, options: dict[str, object], outputs: tuple[str, ...]
) -> None:
    if "custom" in options:
        options = {**options, "custom": files / str(options["custom"])}
    expected = np.load(files / "expected.npz")
    source = open_source(str(files / file), **options)
    assert (source.name, source.outputs) == (file.partition(".")[0], outputs)
    model = convert(source)
    tensor, wanted = expected["tensor"], expected[source.name]
    for results in (source.run(tensor), run_first_graph(model, tensor)):
        found = np.concatenate([one.ravel() for one in results])
        assert np.abs(found - wanted).max() < 1e-5


def test_each_file_says_which_keras_wrote_it(files: Path) -> None:
    for file in ("functional.keras", "functional.h5"):
        archive = read_keras_archive(files / file)
        assert archive.is_keras_3, archive.version
        assert archive.version.startswith("3.")


@pytest.mark.parametrize("file", ["nested.keras", "nested.h5"])
def test_code_in_a_file_is_refused_and_not_executed(
    files: Path, file: str, capsys: pytest.CaptureFixture[str]
) -> None:
    (files / "ran").unlink(missing_ok=True)
    assert main(["convert", str(files / file)]) == 1
    error = capsys.readouterr().err
    assert "contains Python code that loading it would execute (layer three)" in error
    assert "--trust-code" in error
    assert error.count("\n") == 1
    assert not (files / "ran").exists()
    assert not (files / "nested.tflite").exists()


def test_a_missing_class_is_named(files: Path) -> None:
    spec = str(files / "subclassed.keras")
    with pytest.raises(SourceError, match=r"uses tests>Twice.*--custom FILE\.py"):
        open_source(spec)


def test_another_process_writes_the_same_bytes(files: Path, tmp_path: Path) -> None:
    out = tmp_path / "out.tflite"
    subprocess.run(
        [*CONVERT, files / "functional.h5", "--out", out],
        env={**os.environ, "PYTHONHASHSEED": "77"},
        capture_output=True,
        check=True,
    )
    assert main(["convert", str(files / "functional.h5")]) == 0
    assert (files / "functional.tflite").read_bytes() == out.read_bytes()


def test_an_interrupt_leaves_nothing(files: Path, tmp_path: Path) -> None:
    temporary = tmp_path / "temporary"
    temporary.mkdir()
    child = subprocess.Popen(
        [*CONVERT, files / "functional.keras", "--out", tmp_path / "out.tflite"],
        env={**os.environ, "TMPDIR": str(temporary)},
        stderr=subprocess.PIPE,
        start_new_session=True,
    )
    while not list(temporary.glob("edged-models-*/request.json")):
        assert child.poll() is None
        time.sleep(0.02)
    time.sleep(1)
    os.killpg(child.pid, signal.SIGINT)
    _, error = child.communicate()
    assert child.returncode == 128 + signal.SIGINT
    assert b"Traceback" not in error
    assert list(tmp_path.rglob("*")) == [temporary]


def test_files_that_are_no_networks_are_refused(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "other.keras", "w") as archive:
        archive.writestr("readme", "no network")
    with h5py.File(tmp_path / "only.weights.h5", "w") as file:
        file.create_group("layers")
    with pytest.raises(SourceError, match=r"the zip has no config\.json"):
        open_source(str(tmp_path / "other.keras"))
    with pytest.raises(SourceError, match="has weights only: save the whole model"):
        open_source(str(tmp_path / "only.weights.h5"))
