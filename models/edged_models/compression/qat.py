"""Quantisation-aware training: the network is trained with the rounding of eight bits in it."""

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
    """The configuration of a layer that only moves values: its output has the range of its input, without rounding."""

    def get_weights_and_quantizers(self, layer: keras.layers.Layer) -> list:  # noqa: ARG002
        """Return no weights."""
        return []

    def get_activations_and_quantizers(self, layer: keras.layers.Layer) -> list:  # noqa: ARG002
        """Return no activations."""
        return []

    def set_quantize_weights(self, layer: keras.layers.Layer, quantize_weights: list) -> None:
        """Do nothing; there are no weights."""

    def set_quantize_activations(
        self, layer: keras.layers.Layer, quantize_activations: list
    ) -> None:
        """Do nothing; there are no activations."""

    def get_output_quantizers(self, layer: keras.layers.Layer) -> list:  # noqa: ARG002
        """Return no outputs."""
        return []

    def get_config(self) -> dict:
        """Return no settings."""
        return {}


def train_quantization_aware(
    checkpoint: Checkpoint,
    sample: PictureSample,
    *,
    tuning: FineTuneSettings,
    progress: StepCallback = ignore_progress,
) -> keras.Model:
    """Fine-tune a network with the rounding of int8 in it.

    Args:
        checkpoint: the network.
        sample: pictures to train on.
        tuning: settings of the fine-tuning.
        progress: called with the number of finished steps.

    Returns:
        The network for the sample's size, with the toolkit's fake quantisation. Convert it without calibration.

    Raises:
        SourceError: the checkpoint's weights do not fit its architecture.
    """
    plain = restore_net(checkpoint, side_px=sample.side_px)
    model = _insert_fake_quantization(plain)
    _initialize_ranges(model, plain, sample.inputs(_RANGE_PICTURES))
    fine_tune(model, sample, tuning=tuning, progress=progress)
    return model


def _insert_fake_quantization(plain: keras.Model) -> keras.Model:
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
        return tfmot.quantization.keras.quantize_apply(annotated)


def _initialize_ranges(
    model: keras.Model, plain: keras.Model, pictures: Iterable[NDArray[np.float32]]
) -> None:
    """Set the range of each activation from some pictures.

    The toolkit starts all ranges at -6..6 and adapts them so slowly that a short training does not reach the right ones.
    """
    quantized = [layer for layer in model.layers if getattr(layer, "_output_quantizers", None)]
    names = [layer.name.removeprefix(_PREFIX) for layer in quantized]
    probe = keras.Model(plain.input, [plain.get_layer(name).output for name in names])
    outputs = [probe(picture, training=False) for picture in pictures]
    for layer, values in zip(quantized, zip(*outputs, strict=True), strict=True):
        limits = layer._output_quantizer_vars  # noqa: SLF001  # the toolkit has no public access
        limits["min_var"].assign(min(0.0, *(float(np.min(v)) for v in values)))
        limits["max_var"].assign(max(0.0, *(float(np.max(v)) for v in values)))
