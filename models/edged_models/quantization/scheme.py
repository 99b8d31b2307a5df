"""Choices of a quantisation: schemes, types of input and outputs, engines, and methods of rounding."""

from enum import StrEnum


class Scheme(StrEnum):
    """A quantisation scheme: the bits of weights and activations."""

    DYNAMIC = "dynamic"
    """8-bit weights, float32 activations: small, without calibration."""
    FLOAT16 = "float16"
    """16-bit weights, float32 computation: half the size, as accurate as float32."""
    INT8 = "int8"
    """8-bit weights and activations: smallest and fastest, and what the EdgeTPU needs."""
    INT16X8 = "int16x8"
    """8-bit weights, 16-bit activations: nearly as accurate as float32, and slow on most CPUs."""
    INT4 = "int4"
    """4-bit weights, float32 activations: an eighth of the size; ai-edge-litert runs it, tflite-runtime does not."""


class IoType(StrEnum):
    """Type of the model's input and outputs."""

    FLOAT = "float"
    INT8 = "int8"
    UINT8 = "uint8"


class EngineName(StrEnum):
    """The library that quantises."""

    TENSORFLOW = "tensorflow"
    """TensorFlow's converter and quantiser."""
    AI_EDGE = "ai-edge"
    """ai-edge-quantizer."""


class Rounding(StrEnum):
    """A method to find the scale and the values of a weight."""

    MIN_MAX = "min-max"
    """The largest value gives the scale."""
    MSE = "mse"
    """The scale with the least mean squared error, of convolutions and dense layers."""


CALIBRATED_SCHEMES = (Scheme.INT8, Scheme.INT16X8)
"""Schemes that need pictures for calibration."""
WEIGHT_SCHEMES = (Scheme.DYNAMIC, Scheme.FLOAT16, Scheme.INT4)
"""Schemes in which only weights have fewer bits."""
