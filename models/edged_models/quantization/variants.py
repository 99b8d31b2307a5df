"""Variants of one model: the same recipe with different layers kept, from one conversion and one calibration."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from enum import StrEnum
from itertools import islice

import numpy as np
from numpy.typing import NDArray

from edged_models.conversion.calibration import encode_pictures
from edged_models.conversion.source import ModelSource
from edged_models.conversion.tflite_model import parse_model
from edged_models.errors import SourceError
from edged_models.quantization.layers import Layer, list_layers
from edged_models.quantization.output_error import OutputReference
from edged_models.quantization.quantize import FloatModel, quantize_calibrated
from edged_models.quantization.ranges import CalibratedModel
from edged_models.quantization.recipe import Recipe, check_recipe
from edged_models.quantization.scheme import CALIBRATED_SCHEMES, EngineName, Scheme

SAMPLE_PICTURES = 16
"""Pictures on which variants are compared."""


class KeptAs(StrEnum):
    """Type of a layer that is not quantised as the others."""

    FLOAT = "float"
    INT16 = "int16"
    """Its activations have 16 bits."""


@dataclass(frozen=True, slots=True, kw_only=True)
class VariantBuilder:
    """Makes the variants of one model.

    Attributes:
        plain: the float model.
        calibrated: the same with its ranges; None if the scheme needs none.
        recipe: what is done to all layers.
        engine: the library that quantises.
        reference: outputs of the float model for a sample of the pictures.
    """

    plain: FloatModel
    calibrated: CalibratedModel | None
    recipe: Recipe
    engine: EngineName
    reference: OutputReference

    def list_layers(self) -> tuple[Layer, ...]:
        """Return the layers of the float model."""
        return list_layers(parse_model(self.plain.model))

    def build(self, kept: frozenset[str] = frozenset(), *, kept_as: KeptAs = KeptAs.FLOAT) -> bytes:
        """Return the quantised model with its metadata.

        Args:
            kept: names of layers that are not quantised as the others, beside those of the recipe.
            kept_as: what they are instead.

        Raises:
            SourceError: the model cannot be quantised so.
        """
        recipe = self._keep(kept, kept_as)
        check_recipe(recipe, self.engine)
        if self.calibrated is not None:
            return quantize_calibrated(self.plain, self.calibrated, recipe, self.engine)
        from edged_models.quantization import ai_edge_engine

        quantized = ai_edge_engine.quantize_weights(self.plain.model, recipe, name=self.plain.name)
        return self.plain.finish(quantized)

    def _keep(self, kept: frozenset[str], kept_as: KeptAs) -> Recipe:
        recipe = self.recipe
        if kept_as is KeptAs.FLOAT:
            return replace(recipe, float_layers=recipe.float_layers | kept)
        return replace(recipe, int16_layers=recipe.int16_layers | kept)

    def with_engine(self, engine: EngineName) -> "VariantBuilder":
        """Return the same with another engine."""
        return replace(self, engine=engine)


def open_variants(
    source: ModelSource,
    recipe: Recipe,
    pictures: Iterable[NDArray[np.uint8]],
    *,
    engine: EngineName | None = None,
) -> VariantBuilder:
    """Convert and calibrate a source once, for many variants.

    Args:
        source: the model.
        recipe: what is done to all layers.
        pictures: (H, W, 3) uint8, RGB, for calibration and for comparison. They are read once.
        engine: the library that quantises; if None, TensorFlow for int8, else ai-edge-quantizer.

    Raises:
        SourceError: the model cannot be converted or run, or was trained quantisation-aware.
        PicturesError: there are too few pictures.
    """
    if source.has_learned_ranges:
        raise SourceError(
            f"{source.name} was trained quantisation-aware: its layers stay as they were trained"
        )
    plain = FloatModel.convert(source)
    calibrated = None
    if recipe.scheme in CALIBRATED_SCHEMES:
        calibrated = plain.calibrate(pictures)
        sample = calibrated.sample[: 2 * SAMPLE_PICTURES : 2]
    else:
        sample = tuple(encode_pictures(islice(pictures, SAMPLE_PICTURES), plain.find_spec()))
    default = EngineName.TENSORFLOW if recipe.scheme is Scheme.INT8 else EngineName.AI_EDGE
    return VariantBuilder(
        plain=plain,
        calibrated=calibrated,
        recipe=recipe,
        engine=engine or default,
        reference=OutputReference.of(plain.model, sample),
    )
