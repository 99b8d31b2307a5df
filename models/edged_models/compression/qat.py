"""Quantisation-aware training: the net learns while it feels the rounding of eight bits."""

from collections.abc import Iterable

import numpy as np
import tensorflow_model_optimization as tfmot
from numpy.typing import NDArray

from edged_models.compression.fine_tune import fine_tune
from edged_models.compression.fine_tune_settings import (
    FineTuneSettings,
    StepCallback,
    ignore_progress,
)
from edged_models.compression.layer_wrapping import wrap_layers
from edged_models.compression.picture_sample import PictureSample
from edged_models.detector.checkpoint import Checkpoint
from edged_models.detector.net import Upsample2x
from edged_models.detector.weights import restore_net
from edged_models.tensorflow import keras

_RANGE_PICTURES = 16
_PREFIX = "quant_"


class PassThroughQuantizeConfig(tfmot.quantization.keras.QuantizeConfig):
    """For a layer that only moves values: its output has its input's range, and nothing is rounded again."""

    def get_weights_and_quantizers(self, layer: keras.layers.Layer) -> list:  # noqa: ARG002
        """None."""
        return []

    def get_activations_and_quantizers(self, layer: keras.layers.Layer) -> list:  # noqa: ARG002
        """None."""
        return []

    def set_quantize_weights(self, layer: keras.layers.Layer, quantize_weights: list) -> None:
        """Nothing to set."""

    def set_quantize_activations(
        self, layer: keras.layers.Layer, quantize_activations: list
    ) -> None:
        """Nothing to set."""

    def get_output_quantizers(self, layer: keras.layers.Layer) -> list:  # noqa: ARG002
        """None."""
        return []

    def get_config(self) -> dict:
        """Has no settings."""
        return {}


def train_quantization_aware(
    checkpoint: Checkpoint,
    sample: PictureSample,
    *,
    tuning: FineTuneSettings,
    progress: StepCallback = ignore_progress,
) -> keras.Model:
    """Fine-tune a net with the rounding of int8 in it.

    Returns:
        The net for the sample's size, with the toolkit's fake quantisation: convert it without calibration.
    """
    plain = restore_net(checkpoint, side_px=sample.side_px)
    annotate = tfmot.quantization.keras.quantize_annotate_layer
    annotated = wrap_layers(
        plain,
        lambda layer: annotate(
            layer, PassThroughQuantizeConfig() if isinstance(layer, Upsample2x) else None
        ),
        is_selected=lambda layer: not isinstance(layer, keras.layers.InputLayer),
    )
    with tfmot.quantization.keras.quantize_scope(
        {"Upsample2x": Upsample2x, "PassThroughQuantizeConfig": PassThroughQuantizeConfig}
    ):
        model = tfmot.quantization.keras.quantize_apply(annotated)
    _initialize_ranges(model, plain, sample.inputs(_RANGE_PICTURES))
    fine_tune(model, sample, tuning=tuning, progress=progress)
    return model


def _initialize_ranges(
    model: keras.Model, plain: keras.Model, pictures: Iterable[NDArray[np.float32]]
) -> None:
    """Start each activation's range where it is: the toolkit starts all at -6..6 and follows so slowly that a short run never arrives."""
    rounded = [layer for layer in model.layers if getattr(layer, "_output_quantizers", None)]
    names = [layer.name.removeprefix(_PREFIX) for layer in rounded]
    probe = keras.Model(plain.input, [plain.get_layer(name).output for name in names])
    outputs = [probe(picture, training=False) for picture in pictures]
    for layer, values in zip(rounded, zip(*outputs, strict=True), strict=True):
        ends = layer._output_quantizer_vars  # noqa: SLF001  # the toolkit has no other way to them
        ends["min_var"].assign(min(0.0, *(float(np.min(v)) for v in values)))
        ends["max_var"].assign(max(0.0, *(float(np.max(v)) for v in values)))
