"""Python code in files of Keras 2: refused before anything is executed, unless the user trusts it."""

import json
import zipfile
from pathlib import Path

import numpy as np
import pytest
from run_signatures import run_first_graph

from edged_models.cli.main import main
from edged_models.conversion.convert import convert
from edged_models.conversion.keras_code import find_code, find_custom_objects
from edged_models.conversion.open_source import open_source
from edged_models.errors import SourceError
from edged_models.tensorflow import keras, layers

CUSTOM_LAYER = """
from edged_models.tensorflow import keras

class Double(keras.layers.Layer):
    def call(self, x):
        return x * 2
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("code")
    ran = str(folder / "ran")
    inner = keras.Sequential(
        [
            layers.Input((32, 32, 3)),
            layers.Lambda(lambda x: (open(ran, "a").close(), x * 3)[1], name="three"),  # noqa: PTH123
        ]
    )
    nested = keras.Sequential([layers.Input((32, 32, 3)), inner, layers.GlobalAveragePooling2D()])
    nested.save(folder / "nested.keras")
    nested.save(folder / "nested.h5")
    return folder


@pytest.mark.parametrize("file", ["nested.keras", "nested.h5"])
def test_code_in_a_file_is_refused_and_not_executed(
    folder: Path, file: str, capsys: pytest.CaptureFixture[str]
) -> None:
    (folder / "ran").unlink(missing_ok=True)
    assert main(["convert", str(folder / file)]) == 1
    error = capsys.readouterr().err
    assert "contains Python code that loading it would execute (layer three)" in error
    assert error.count("\n") == 1
    assert not (folder / "ran").exists()


def test_trusted_code_is_executed(folder: Path) -> None:
    (folder / "ran").unlink(missing_ok=True)
    source = open_source(str(folder / "nested.h5"), trust_code=True)
    assert (folder / "ran").exists()
    tensor = np.linspace(0, 1, 32 * 32 * 3, dtype=np.float32).reshape(1, 32, 32, 3)
    expected = 3 * tensor.mean((1, 2))
    assert np.abs(source.run(tensor)[0] - expected).max() < 1e-5
    assert np.abs(run_first_graph(convert(source), tensor)[0] - expected).max() < 1e-5


def test_a_file_that_names_a_module_to_import_is_refused(tmp_path: Path) -> None:
    """Keras 2 imports whatever module a .keras file names."""
    (tmp_path / "imported.py").write_text("raise SystemExit('imported')")
    net = keras.Sequential([layers.Input((32, 32, 3)), layers.Flatten(name="flat")])
    net.save(tmp_path / "plain.keras")
    with (
        zipfile.ZipFile(tmp_path / "plain.keras") as plain,
        zipfile.ZipFile(tmp_path / "foreign.keras", "w") as foreign,
    ):
        for name in plain.namelist():
            content = plain.read(name)
            if name == "config.json":
                config = json.loads(content)
                config["config"]["layers"][1] |= {"module": "imported", "class_name": "Flat"}
                content = json.dumps(config).encode()
            foreign.writestr(name, content)
    with pytest.raises(SourceError, match=r"uses Flat, which Keras does not have.*--custom"):
        open_source(str(tmp_path / "foreign.keras"))


@pytest.mark.parametrize("suffix", ["keras", "h5"])
def test_a_custom_layer_comes_from_the_users_file(tmp_path: Path, suffix: str) -> None:
    (tmp_path / "double.py").write_text(CUSTOM_LAYER)
    names = {"__name__": "double"}
    exec(CUSTOM_LAYER, names)  # noqa: S102  # the same class as the file has
    path = tmp_path / f"custom.{suffix}"
    keras.Sequential([layers.Input((32, 32, 3)), names["Double"]()]).save(path)
    with pytest.raises(SourceError, match=r"Double.*--custom FILE\.py"):
        open_source(str(path))
    source = open_source(str(path), custom=tmp_path / "double.py")
    tensor = np.ones((1, 32, 32, 3), np.float32)
    assert (source.run(tensor)[0] == 2).all()


def test_every_form_of_code_is_found() -> None:
    marshalled = ["4wEAAAA=\n", None, None]
    assert find_code({"class_name": "__lambda__", "config": {"value": marshalled}}) == ("",)
    for options in (
        {"name": "a", "function": marshalled},
        {"name": "a", "function_type": "lambda"},
        {"name": "a", "output_shape_type": "lambda"},
        {"name": "a", "function": {"class_name": "__lambda__", "config": {}}},
    ):
        inside = {"class_name": "Lambda", "config": options}
        wrapped = {"class_name": "TimeDistributed", "config": {"name": "outer", "layer": inside}}
        assert find_code({"config": {"layers": [wrapped]}}) == ("a",), options
    assert find_code({"class_name": "Lambda", "config": {"name": "a", "function": "relu"}}) == ()


def test_keras_own_objects_are_not_custom() -> None:
    own = {"module": "keras.layers", "class_name": "Dense", "registered_name": None, "config": {}}
    function = own | {"module": "builtins", "class_name": "function", "config": "relu"}
    assert find_custom_objects([own, function | {"registered_name": "function"}]) == ()
    assert find_custom_objects([function | {"config": "exec", "registered_name": "exec"}])
    (found,) = find_custom_objects([own | {"module": "os", "class_name": "system"}])
    assert (found.module, found.name) == ("os", "system")
