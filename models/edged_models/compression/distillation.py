"""Distillation: a smaller network learns from the outputs of a larger one, beside the truth of the pictures."""

from pathlib import Path

from edged_models.compression.channel_pruning import narrow_model
from edged_models.compression.fine_tune_settings import (
    FineTuneSettings,
    StepCallback,
    ignore_progress,
)
from edged_models.compression.keras_graph import check_graph, rebuild_graph
from edged_models.compression.network import Network, NetworkTrainer
from edged_models.compression.recovery import train_with_conditions
from edged_models.compression.training_steps import THOROUGH_RATE
from edged_models.compression.user_code import call_user_code, load_user_code
from edged_models.errors import ToolError
from edged_models.tensorflow import keras, tf


def distil(
    network: Network,
    trainer: NetworkTrainer | None,
    *,
    student: keras.Model,
    tuning: FineTuneSettings,
    progress: StepCallback = ignore_progress,
) -> Network:
    """Train a student to give the outputs of a network, its teacher.

    Args:
        network: the teacher.
        trainer: trains the student; it must not be None.
        student: a model with the teacher's input and outputs.
        tuning: settings of the training.
        progress: called with the number of finished steps.

    Returns:
        The student, as a network.

    Raises:
        ToolError: there is no trainer, the student's input or outputs differ from the teacher's, or the training fails.
    """
    if trainer is None:
        raise ToolError("distilling needs something to train on: give --train-on")
    _check_shapes(student, network)
    model = rebuild_graph(student, lambda _: None)
    train_with_conditions(
        model,
        trainer,
        tuning=tuning,
        default_rate=THOROUGH_RATE,
        progress=progress,
        teacher=network.model,
    )
    return network.with_model(model)


def build_student(network: Network, student: str | float) -> keras.Model:
    """Return an untrained or narrowed student.

    Args:
        network: the teacher.
        student: ``file.py:factory``, a function that returns a Keras model; or the width, the share of the teacher's channels
            that a student of the same form has, which starts with the most important ones.

    Raises:
        ToolError: the factory fails or returns something else, or no channel would be removed.
    """
    if not isinstance(student, str):
        return narrow_model(network.model, student, tied=network.tied_layers)
    return _call_factory(student)


def _call_factory(student: str) -> keras.Model:
    _, factory = load_user_code(student)
    if not callable(factory):
        raise ToolError(f"{student} is no function")
    model = call_user_code(student, factory)
    if not isinstance(model, keras.Model):
        raise ToolError(
            f"{student} returned a {type(model).__name__}, not a model of Keras 2: build it with tf_keras or with "
            "tf.keras under TF_USE_LEGACY_KERAS=1"
        )
    check_graph(model, str(Path(student).name))
    return model


def _check_shapes(student: keras.Model, network: Network) -> None:
    for kind, own, wanted in (
        ("input", student.inputs, network.model.inputs),
        ("outputs", student.outputs, network.model.outputs),
    ):
        shapes, needed = (
            [list(one.shape) for one in tf.nest.flatten(all_)] for all_ in (own, wanted)
        )
        if shapes != needed:
            raise ToolError(
                f"the student's {kind} {shapes} is not that of {network.name}, {needed}"
            )
