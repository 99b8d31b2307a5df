"""Precisions that the converter supports without calibration."""

from enum import StrEnum


class Precision(StrEnum):
    """A precision that the converter supports without calibration."""

    FLOAT32 = "float32"
    DYNAMIC = "dynamic"
    """8-bit weights, float32 activations."""
    FLOAT16 = "float16"
    """16-bit weights, float32 computation."""
    LEARNED_RANGES = "learned-ranges"
    """8-bit weights and activations, with the ranges from quantisation-aware training."""
