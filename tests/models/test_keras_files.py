"""Keras files of both generations as networks for the techniques."""

from pathlib import Path
from typing import Any

import keras as keras3
import numpy as np
import pytest

from edged_models.compression.open_network import open_network
from edged_models.errors import SourceError
from edged_models.tensorflow import keras, layers


def build_keras3() -> keras3.Model:
    """Build a network of Keras 3 with a nested model, a shortcut, and normalisations that differ from the identity."""
    keras3.utils.set_random_seed(2)
    kinds = keras3.layers
    inner = keras3.Sequential(
        [
            kinds.Input((8, 8, 8)),
            kinds.DepthwiseConv2D(3, padding="same", use_bias=False),
            kinds.BatchNormalization(),
            kinds.ReLU(6.0),
        ]
    )
    image = kinds.Input((16, 16, 3), name="picture")
    x = kinds.Conv2D(8, 3, 2, "same", activation="relu6")(kinds.Rescaling(1 / 255)(image))
    x = kinds.LeakyReLU(negative_slope=0.2)(kinds.Add()([x, inner(x)]))
    x = kinds.GlobalAveragePooling2D()(x)
    model = keras3.Model(image, kinds.Dense(3, activation="softmax", name="class")(x))
    rng = np.random.default_rng(2)
    model.set_weights([rng.uniform(0.2, 1, one.shape) for one in model.get_weights()])
    return model


@pytest.mark.parametrize("name", ["new.keras", "new.h5"])
def test_a_file_of_keras_3_computes_the_same_in_keras_2(tmp_path: Path, name: str) -> None:
    model = build_keras3()
    model.save(tmp_path / name)
    network = open_network(str(tmp_path / name))
    assert isinstance(network.model, keras.Model)
    assert network.model.output_names == ["class"]
    pictures = np.random.default_rng(1).uniform(0, 255, (4, 16, 16, 3)).astype(np.float32)
    np.testing.assert_allclose(
        network.model(pictures, training=False), model(pictures, training=False), atol=1e-5
    )


def test_a_layer_of_keras_3_that_keras_2_lacks_is_named(tmp_path: Path) -> None:
    image = keras3.layers.Input((8, 8, 3))
    x = keras3.layers.RMSNormalization(name="fresh")(image)
    keras3.Model(image, keras3.layers.Flatten()(x)).save(tmp_path / "new.keras")
    with pytest.raises(SourceError, match="the layer fresh of the kind RMSNormalization"):
        open_network(str(tmp_path / "new.keras"))


@pytest.mark.parametrize("name", ["code.keras", "code.h5"])
def test_code_in_a_file_is_refused(tmp_path: Path, name: str) -> None:
    image = layers.Input((8, 8, 3))
    keras.Model(image, layers.Lambda(lambda x: x + 1)(image)).save(tmp_path / name)
    with pytest.raises(SourceError, match="has a Lambda layer, which is Python code in the file"):
        open_network(str(tmp_path / name))


@keras3.saving.register_keras_serializable(package="tests")
class Halved(keras3.layers.Layer):
    """A layer that no Keras has."""

    def call(self, inputs: Any) -> Any:
        """Return the half."""
        return inputs / 2


def test_a_layer_that_keras_would_import_is_refused_before_it_is_loaded(tmp_path: Path) -> None:
    image = keras3.layers.Input((8, 8, 3))
    keras3.Model(image, Halved()(image)).save(tmp_path / "own.keras")
    with pytest.raises(SourceError, match="uses Halved, which Keras does not have"):
        open_network(str(tmp_path / "own.keras"))


def test_what_is_no_keras_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "not.keras").write_bytes(b"nothing")
    with pytest.raises(SourceError, match="cannot be read as a Keras file"):
        open_network(str(tmp_path / "not.keras"))
    with pytest.raises(SourceError, match="there is no such file"):
        open_network(str(tmp_path / "none.h5"))
    with pytest.raises(SourceError, match="none of these"):
        open_network(str(tmp_path / "net.onnx"))
