"""Opening of a network for the techniques, and of what trains it."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from edged_models.compression.callback_trainer import CallbackTrainer
from edged_models.compression.checkpoint_network import CheckpointNetwork, checkpoint_network
from edged_models.compression.class_sample import draw_class_sample
from edged_models.compression.classifier_trainer import ClassifierTrainer
from edged_models.compression.detector_trainer import DetectorTrainer
from edged_models.compression.keras_file import SUFFIXES, load_keras_file
from edged_models.compression.keras_graph import list_layers
from edged_models.compression.keras_network import KerasNetwork
from edged_models.compression.network import Network, NetworkTrainer
from edged_models.compression.picture_sample import draw_sample
from edged_models.compression.user_code import is_user_code, load_user_code
from edged_models.detector.checkpoint import SUFFIX, load_checkpoint
from edged_models.errors import SourceError, ToolError
from edged_models.pictures.labelled import PictureSet, Task
from edged_models.pictures.open_pictures import open_pictures
from edged_models.tensorflow import keras

_CLASSIFIER_RANK = 2
_PICTURE_CHANNELS = (1, 3)
_PROBE_COUNT = 8
_SUM_TOLERANCE = 1e-3
_H5_SUFFIXES = (".h5", ".hdf5")


def open_network(
    spec: str,
    *,
    labels: tuple[str, ...] = (),
    mean: tuple[float, ...] = (),
    std: tuple[float, ...] = (),
) -> Network:
    """Open a network.

    Args:
        spec: a checkpoint of `edged-models train` (.npz) or a Keras file (.keras, .h5) of Keras 2 or 3.
        labels: class names of a Keras network, in the order of its outputs; empty if they are not known.
        mean: mean of a Keras network's normalisation ``(pixel - mean) / std`` of pixels 0..255; empty: 0 if it has a layer that
            normalises in it, else unknown.
        std: standard deviation of the normalisation; empty: likewise, 1.

    Raises:
        SourceError: the file cannot be read, or is of another kind.
    """
    path = Path(spec)
    if path.suffix == SUFFIX:
        return checkpoint_network(load_checkpoint(path), name=path.stem)
    if path.suffix.lower() not in SUFFIXES:
        raise SourceError(
            f"{spec} is none of these: a checkpoint of `edged-models train` (.npz), a Keras file (.keras, .h5)"
        )
    model = load_keras_file(path)
    if not std and _normalises(model):
        mean, std = (0.0,), (1.0,)
    return KerasNetwork(
        name=path.stem,
        model=model,
        labels=labels,
        mean=mean,
        std=std,
        suffix=".h5" if path.suffix.lower() in _H5_SUFFIXES else ".keras",
    )


def open_trainer(network: Network, train_on: str) -> tuple[Network, NetworkTrainer, str]:
    """Open what trains a network.

    Args:
        network: the network.
        train_on: a set of labelled pictures, as `open_pictures` takes it, or ``file.py:name``, a function
            ``name(model, steps, progress)`` that trains a model in place.

    Returns:
        The network, with the set's class names if it had none; the trainer; and a text that says what it trains on.

    Raises:
        ToolError: the set or the function cannot be used, or the loss of the network's outputs is not known.
    """
    if is_user_code(train_on):
        module, function = load_user_code(train_on)
        if not callable(function):
            raise ToolError(f"{train_on} is no function trainer(model, steps, progress)")
        trainer = CallbackTrainer(spec=train_on, module=module, function=function)
        return network, trainer, train_on
    if isinstance(network, CheckpointNetwork):
        pictures = open_pictures(train_on, labels=network.labels)
        sample = draw_sample(pictures, side_px=network.side_px[0])
        return network, DetectorTrainer(sample=sample), f"{train_on} {sample.digest()}"
    if not isinstance(network, KerasNetwork):
        raise ToolError(f"{network.name} can be trained by a file.py:trainer only")
    return _open_classifier_trainer(network, train_on)


def _open_classifier_trainer(
    network: KerasNetwork, train_on: str
) -> tuple[KerasNetwork, ClassifierTrainer, str]:
    pictures = open_pictures(train_on, labels=network.labels or None)
    class_count = _check_classifier(network, pictures)
    if not network.std:
        raise SourceError(
            f"the normalisation of {network.name}'s input is not known: give --mean and --std as it was trained, "
            "for example 0 and 255 for 0..1, or 127.5 and 127.5 for -1..1"
        )
    named = replace(network, labels=tuple(pictures.labels))
    if len(named.labels) != class_count:
        raise SourceError(
            f"{network.name} has {class_count} classes and {train_on} has {len(named.labels)}: give the network's own names with "
            "--labels FILE"
        )
    sample = draw_class_sample(pictures, shape=_input_shape(network))
    trainer = ClassifierTrainer(sample=sample, mean=network.mean, std=network.std, has_logits=False)
    probed = replace(trainer, has_logits=_has_logits(network.model, trainer))
    return named, probed, f"{train_on} {sample.digest()}"


def _check_classifier(network: KerasNetwork, pictures: PictureSet) -> int:
    """Return the number of classes of a classifier.

    Raises:
        SourceError: the network is no classifier, or the set is not for one.
    """
    shapes = [tuple(one.shape) for one in network.model.outputs]
    is_classifier = len(shapes) == 1 and len(shapes[0]) == _CLASSIFIER_RANK and shapes[0][1]
    if not is_classifier or shapes[0][1] == 1:
        described = ", ".join(str(list(shape)) for shape in shapes)
        raise SourceError(
            f"{network.name} is no classifier (outputs {described}), and the loss of its outputs is not known: give "
            "--train-on file.py:trainer, a function trainer(model, steps, progress)"
        )
    if pictures.task is not Task.CLASSIFICATION:
        raise SourceError(
            f"{network.name} is a classifier: give --train-on a folder with one subfolder of pictures for each class, "
            f"not {pictures.name}"
        )
    return int(shapes[0][1])


def _input_shape(network: KerasNetwork) -> tuple[int, int, int]:
    height, width, channels = network.model.inputs[0].shape[1:]
    if height is None or width is None or channels not in _PICTURE_CHANNELS:
        shape = list(network.model.inputs[0].shape)
        raise SourceError(
            f"{network.name}'s input {shape} is no picture of a fixed size with 1 or 3 channels: build the model with a fixed input"
        )
    return height, width, channels


def _normalises(model: keras.Model) -> bool:
    """Return whether a layer of the model normalises pixels."""
    kinds = (keras.layers.Rescaling, keras.layers.Normalization)
    return any(isinstance(layer, kinds) for layer in list_layers(model))


def _has_logits(model: keras.Model, trainer: ClassifierTrainer) -> bool:
    """Return whether a classifier gives logits.

    Raises:
        SourceError: its outputs lie in 0..1, but do not add up to 1.
    """
    inputs: Any = np.concatenate(list(trainer.inputs(_PROBE_COUNT)))
    outputs = np.asarray(model(inputs, training=False))
    if outputs.min() < 0 or outputs.max() > 1:
        return True
    if np.abs(outputs.sum(axis=-1) - 1).max() > _SUM_TOLERANCE:
        raise SourceError(
            f"{model.name}'s outputs lie in 0..1, but do not add up to 1, so their loss is not known: give --train-on file.py:trainer"
        )
    return False
