"""Fine-tuning of a changed network. What earlier techniques gave its kernels is kept."""

from collections.abc import Callable

from edged_models.compression.fine_tune_settings import FineTuneSettings, StepCallback
from edged_models.compression.kept_structure import apply_all, find_clustered, find_conditions
from edged_models.compression.network import Network, NetworkTrainer
from edged_models.compression.norm_folding import fold_norms
from edged_models.tensorflow import keras


def recover(
    network: Network,
    trainer: NetworkTrainer | None,
    *,
    tuning: FineTuneSettings,
    default_rate: float,
    progress: StepCallback,
) -> Network:
    """Return a network after fine-tuning; zeros stay zero, and shared values stay shared.

    Args:
        network: the network, already changed.
        trainer: trains it; None to leave it as it is.
        tuning: settings of the fine-tuning.
        default_rate: highest learning rate if `tuning` has none.
        progress: called with the number of finished steps.

    Raises:
        ToolError: the training fails.
    """
    if trainer is None:
        return network
    model = network.model
    if find_clustered(model):
        # A normalisation that learns would change the kernels of the file.
        model = fold_norms(model)
    train_with_conditions(
        model, trainer, tuning=tuning, default_rate=default_rate, progress=progress
    )
    return network.with_model(model)


def train_with_conditions(
    model: keras.Model,
    trainer: NetworkTrainer,
    *,
    tuning: FineTuneSettings,
    default_rate: float,
    progress: StepCallback,
    on_step: Callable[[int], None] = lambda _: None,
    teacher: keras.Model | None = None,
) -> None:
    """Train a model in place; zeros of its kernels stay zero, and shared values stay shared.

    Args:
        model: the model.
        trainer: trains it.
        tuning: settings of the training.
        default_rate: highest learning rate if `tuning` has none.
        progress: called with the number of finished steps.
        on_step: called before `progress`, for more conditions.
        teacher: a model to imitate; None for none.

    Raises:
        ToolError: the training fails.
    """
    conditions = find_conditions(model)

    def after_step(done: int) -> None:
        apply_all(conditions)
        on_step(done)
        progress(done)

    trainer.fine_tune(
        model, settings=tuning, default_rate=default_rate, on_step=after_step, teacher=teacher
    )
    for one in conditions:
        one.finish()
