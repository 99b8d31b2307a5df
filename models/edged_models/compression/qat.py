"""Quantisation-aware training: the network is trained with the rounding of eight bits in it."""

from collections.abc import Iterable
from typing import Any

import numpy as np
import tensorflow_model_optimization as tfmot
from numpy.typing import NDArray
from tensorflow_model_optimization.python.core.quantization.keras import quantize_layer

from edged_models.compression.fine_tune_settings import (
    FineTuneSettings,
    StepCallback,
    ignore_progress,
)
from edged_models.compression.kept_structure import find_clustered
from edged_models.compression.keras_graph import LayerCopy, copy_layer, list_layers, rebuild_graph
from edged_models.compression.network import Network, NetworkTrainer
from edged_models.compression.norm_folding import find_foldable_norms, fold_norms
from edged_models.compression.qat_preparation import prepare_for_toolkit
from edged_models.compression.quantize_configs import choose_config, is_known, list_configs
from edged_models.compression.recovery import train_with_conditions
from edged_models.compression.training_steps import GENTLE_RATE
from edged_models.conversion.error_summary import summarize_error
from edged_models.detector.net import Upsample2x
from edged_models.errors import ToolError
from edged_models.tensorflow import keras

_RANGE_PICTURES = 16
_PREFIX = "quant_"
_WAY_OUT = "build the network without it, or use `quantize` with calibration"


def train_quantization_aware(
    network: Network,
    trainer: NetworkTrainer | None,
    *,
    tuning: FineTuneSettings,
    progress: StepCallback = ignore_progress,
) -> Network:
    """Fine-tune a network with the rounding of int8 in it. Zeros and shared values of its kernels are kept.

    Args:
        network: the network.
        trainer: trains it; it must not be None.
        tuning: settings of the fine-tuning.
        progress: called with the number of finished steps.

    Returns:
        The network with learned ranges. Convert it without calibration.

    Raises:
        ToolError: there is no trainer, the toolkit does not know a layer, or the training fails.
    """
    if trainer is None:
        raise ToolError("quantisation-aware training needs something to train on: give --train-on")
    plain = prepare_for_toolkit(network.build_for_side())
    clustered = find_clustered(plain)
    if clustered:
        # The shared values are those of the folded kernels; one scale for all channels keeps them shared.
        plain = fold_norms(plain)
    model = _insert_fake_quantization(plain, clustered)
    _initialize_ranges(model, plain, trainer.inputs(_RANGE_PICTURES))
    train_with_conditions(
        model, trainer, tuning=tuning, default_rate=GENTLE_RATE, progress=progress
    )
    _renew_weight_ranges(model)
    return network.with_learned_ranges(model)


def _refuse_unknown_layers(plain: keras.Model) -> None:
    folded = find_foldable_norms(plain)
    unknown = [
        layer for layer in list_layers(plain) if not is_known(layer) and layer.name not in folded
    ]
    if unknown:
        named = ", ".join(f"{layer.name} ({type(layer).__name__})" for layer in unknown)
        raise ToolError(
            f"the toolkit for quantisation-aware training does not know {named}; {_WAY_OUT}"
        )


def _insert_fake_quantization(plain: keras.Model, clustered: frozenset[str]) -> keras.Model:
    _refuse_unknown_layers(plain)
    annotate = tfmot.quantization.keras.quantize_annotate_layer

    def wrap(layer: keras.layers.Layer) -> LayerCopy:
        copy = copy_layer(layer)
        config = choose_config(layer, has_shared_values=layer.name in clustered)
        return LayerCopy((annotate(copy.layers[0], config),), copy.weights)

    try:
        annotated = rebuild_graph(plain, wrap)
        with tfmot.quantization.keras.quantize_scope({"Upsample2x": Upsample2x, **list_configs()}):
            return tfmot.quantization.keras.quantize_apply(annotated)
    except (RuntimeError, ValueError, NotImplementedError, TypeError) as error:
        raise ToolError(
            f"the toolkit for quantisation-aware training refuses the network: {summarize_error(error)}; {_WAY_OUT}"
        ) from error


def _initialize_ranges(
    model: keras.Model, plain: keras.Model, pictures: Iterable[NDArray[np.float32]]
) -> None:
    """Set the range of each activation from some pictures.

    The toolkit starts all ranges at -6..6 and adapts them so slowly that a short training does not reach the right ones.
    """
    ranges = _measure_ranges(plain, list(pictures))
    for layer in model.layers:
        measured = ranges.get(layer.name.removeprefix(_PREFIX))
        if isinstance(layer, quantize_layer.QuantizeLayer):
            measured = ranges[plain.input_names[0]]
        if measured is None:
            continue
        for variables in _list_range_variables(layer):
            variables["min_var"].assign(measured[0])
            variables["max_var"].assign(measured[1])


def _measure_ranges(
    plain: keras.Model, pictures: list[NDArray[np.float32]]
) -> dict[str, tuple[float, float]]:
    """Return the lowest and the highest output of each layer, by its name; zero lies between them."""
    names = [layer.name for layer in plain.layers]
    probe = keras.Model(plain.input, [layer.get_output_at(0) for layer in plain.layers])
    ranges = dict.fromkeys(names, (0.0, 0.0))
    for picture in pictures:
        for name, values in zip(names, probe(picture, training=False), strict=True):
            low, high = ranges[name]
            ranges[name] = min(low, float(np.min(values))), max(high, float(np.max(values)))
    return ranges


def _list_range_variables(layer: Any) -> list[dict[str, Any]]:
    """Return the variables with the ranges of a layer's outputs; the toolkit has no public access."""
    variables = []
    if isinstance(layer, quantize_layer.QuantizeLayer) and layer.quantizer:
        variables.append(layer.quantizer_vars)
    if getattr(layer, "_output_quantizers", None):
        variables.append(layer._output_quantizer_vars)  # noqa: SLF001
    for activation in getattr(layer, "_quantize_activations", None) or ():
        found = getattr(activation, "_post_activation_vars", None)
        variables.extend([found] if found else [])
    return variables


def _renew_weight_ranges(model: keras.Model) -> None:
    """Set the ranges of the weights from their last values: the toolkit has those of the last step."""
    for layer in model.layers:
        for weight, quantizer, variables in getattr(layer, "_weight_vars", None) or ():
            quantizer(weight, training=True, weights=variables)
