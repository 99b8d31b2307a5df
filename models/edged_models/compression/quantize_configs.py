"""Configurations by which the optimisation toolkit quantises layers that it does not know, or whose kernels have shared values."""

import tensorflow_model_optimization as tfmot
from tensorflow_model_optimization.python.core.quantization.keras.default_8bit import (
    default_8bit_quantize_configs as toolkit_configs,
)
from tensorflow_model_optimization.python.core.quantization.keras.default_8bit import (
    default_8bit_quantize_registry as toolkit_registry,
)

from edged_models.detector.net import Upsample2x
from edged_models.tensorflow import keras

_ELEMENTWISE = (
    keras.layers.Multiply,
    keras.layers.Subtract,
    keras.layers.Average,
    keras.layers.Maximum,
    keras.layers.Minimum,
)
"""Layers without a place in the toolkit's registry that the converter turns into 8-bit ops if their output is rounded."""
_SEPARATED = (keras.layers.SeparableConv1D, keras.layers.SeparableConv2D)
"""Layers that the toolkit replaces by others before it looks into its registry."""


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


class SharedScaleQuantizeConfig(toolkit_registry.Default8BitQuantizeConfig):
    """The configuration of a layer with shared values: one scale for all channels, so that they stay shared."""

    def __init__(self) -> None:
        super().__init__(["kernel"], ["activation"], quantize_output=False)

    @classmethod
    def from_config(cls, config: dict) -> "SharedScaleQuantizeConfig":  # noqa: ARG003  # there is nothing to set
        """Return a new one."""
        return cls()

    def get_config(self) -> dict:
        """Return no settings."""
        return {}


def choose_config(
    layer: keras.layers.Layer, *, has_shared_values: bool
) -> tfmot.quantization.keras.QuantizeConfig | None:
    """Return the configuration of a layer; None for the toolkit's own.

    Args:
        layer: the layer.
        has_shared_values: whether its kernel is clustered.
    """
    if isinstance(layer, Upsample2x):
        return PassThroughQuantizeConfig()
    if has_shared_values and type(layer) in (keras.layers.Conv2D, keras.layers.Dense):
        return SharedScaleQuantizeConfig()
    if isinstance(layer, _ELEMENTWISE):
        return toolkit_configs.Default8BitOutputQuantizeConfig(quantize_output=True)
    return None


def list_configs() -> dict[str, type]:
    """Return the configurations by name, for the toolkit to find them."""
    kinds = (PassThroughQuantizeConfig, SharedScaleQuantizeConfig)
    return {
        **{kind.__name__: kind for kind in kinds},
        "Default8BitOutputQuantizeConfig": toolkit_configs.Default8BitOutputQuantizeConfig,
    }


def is_known(layer: keras.layers.Layer) -> bool:
    """Return whether a layer can be trained quantisation-aware."""
    if isinstance(layer, (Upsample2x, keras.layers.InputLayer, *_ELEMENTWISE, *_SEPARATED)):
        return True
    return bool(toolkit_registry.Default8BitQuantizeRegistry().supports(layer))
