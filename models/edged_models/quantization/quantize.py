"""Quantisation of a trained model: the recipe, the engine, and the metadata."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from edged.types import InputSpec
from edged_models.conversion.calibration import encode_pictures, find_input_spec
from edged_models.conversion.clustered_kernels import share_kernel_scales
from edged_models.conversion.error_summary import summarize_error
from edged_models.conversion.metadata import attach_metadata, copy_metadata
from edged_models.conversion.source import FileSource, ModelSource, Precision
from edged_models.errors import SourceError, ToolError
from edged_models.quantization.ranges import CalibratedModel, calibrate
from edged_models.quantization.recipe import Recipe, check_recipe, choose_engine, make_recipe
from edged_models.quantization.scheme import CALIBRATED_SCHEMES, EngineName, IoType, Scheme
from edged_models.quantization.signatures import check_single_graph, restore_signatures

Pictures = Iterable[NDArray[np.uint8]]


def quantize(
    source: ModelSource,
    *,
    scheme: Scheme,
    io: IoType | None = None,
    calibration: Pictures = (),
    per_channel: bool = True,
) -> bytes:
    """Convert a source to a quantised .tflite with its metadata, all layers alike.

    The same source and pictures give the same bytes. Ops that have no 8-bit kernel stay float: `find_unquantized` lists them.

    Args:
        source: the model to convert.
        scheme: bits of weights and activations.
        io: type of input and outputs; if None, uint8 for int8 (pixels need no conversion then), else float.
        calibration: (H, W, 3) uint8, RGB, for int8 and int16x8. They are read once, and encoded as the daemon does it. A source
            with learned ranges does not need them for int8.
        per_channel: whether each channel of a weight has its own scale.

    Raises:
        SourceError: the model cannot be quantised, or `io` does not apply to the scheme.
        PicturesError: there are fewer than `calibration.MIN_PICTURES` pictures.
    """
    recipe = make_recipe(scheme, io, per_channel=per_channel)
    return quantize_by_recipe(source, recipe, calibration=calibration)


def quantize_by_recipe(
    source: ModelSource,
    recipe: Recipe,
    *,
    calibration: Pictures = (),
    engine: EngineName | None = None,
) -> bytes:
    """Convert a source to a quantised .tflite with its metadata.

    Args:
        source: the model to convert.
        recipe: what to do.
        calibration: (H, W, 3) uint8, RGB, for int8 and int16x8. They are read once.
        engine: the library that quantises; if None, TensorFlow where it can carry out the recipe.

    Raises:
        SourceError: the model cannot be quantised, or the engine cannot carry out the recipe.
        PicturesError: there are fewer than `calibration.MIN_PICTURES` pictures.
    """
    engine = engine or choose_engine(recipe, has_original=not isinstance(source, FileSource))
    check_recipe(recipe, engine)
    if source.has_learned_ranges and recipe.scheme is Scheme.INT8:
        return _quantize_learned(source, recipe, engine)
    if recipe.scheme not in CALIBRATED_SCHEMES:
        return _quantize_weights(source, recipe, engine)
    plain = FloatModel.convert(source)
    if recipe.scheme is Scheme.INT16X8 and engine is EngineName.TENSORFLOW:
        return plain.finish(_run_int16x8(plain, recipe, calibration))
    return quantize_calibrated(plain, plain.calibrate(calibration), recipe, engine)


@contextmanager
def _errors_of_tensorflow(name: str) -> Iterator[None]:
    try:
        yield
    except ToolError:
        raise
    except (RuntimeError, ValueError) as error:
        raise SourceError(f"cannot quantise {name}: {summarize_error(error)}") from error


@dataclass(frozen=True, slots=True, kw_only=True)
class FloatModel:
    """A source as a float .tflite, ready for calibration.

    Attributes:
        name: for messages.
        model: the .tflite without metadata.
        with_metadata: the .tflite with metadata.
    """

    name: str
    model: bytes
    with_metadata: bytes

    @classmethod
    def convert(cls, source: ModelSource) -> "FloatModel":
        """Convert a source.

        Raises:
            SourceError: it cannot be converted.
        """
        plain = source.to_tflite(Precision.FLOAT32)
        named = attach_metadata(plain, source.metadata, source.name)
        return cls(name=source.name, model=plain, with_metadata=named)

    def find_spec(self) -> InputSpec:
        """Return how the daemon will preprocess the input.

        Raises:
            SourceError: neither a family nor the metadata tells.
        """
        check_single_graph(self.model, self.name)
        return find_input_spec(self.with_metadata, self.name)

    def calibrate(self, pictures: Pictures) -> CalibratedModel:
        """Find the ranges of the activations.

        Args:
            pictures: (H, W, 3) uint8, RGB. They are read once, and encoded as the daemon does it.

        Raises:
            SourceError: the model cannot be run.
            PicturesError: there are too few pictures.
        """
        spec = self.find_spec()
        with _errors_of_tensorflow(self.name):
            return calibrate(self.model, encode_pictures(pictures, spec), spec, name=self.name)

    def finish(self, quantized: bytes) -> bytes:
        """Return a quantised model with the signatures and the metadata of this one.

        Raises:
            SourceError: a signature was lost.
        """
        shared = share_kernel_scales(quantized, self.model)
        signed = restore_signatures(self.model, shared, self.name)
        return copy_metadata(self.with_metadata, signed, self.name)


def quantize_calibrated(
    plain: FloatModel, calibrated: CalibratedModel, recipe: Recipe, engine: EngineName
) -> bytes:
    """Quantise a calibrated model to int8, or to int16x8 with ai-edge-quantizer.

    Args:
        plain: the float model.
        calibrated: the same with its ranges.
        recipe: what to do.
        engine: the library that quantises.

    Raises:
        SourceError: the model cannot be quantised.
    """
    if engine is EngineName.AI_EDGE:
        from edged_models.quantization import ai_edge_engine

        return plain.finish(ai_edge_engine.quantize_activations(calibrated, recipe))
    from edged_models.quantization import tensorflow_engine

    with _errors_of_tensorflow(plain.name):
        return plain.finish(tensorflow_engine.quantize_int8(calibrated, recipe))


def _run_int16x8(plain: FloatModel, recipe: Recipe, calibration: Pictures) -> bytes:
    from edged_models.quantization import tensorflow_engine

    tensors = encode_pictures(calibration, plain.find_spec())
    with _errors_of_tensorflow(plain.name):
        return tensorflow_engine.quantize_int16x8(plain.model, tensors, recipe)


def _quantize_weights(source: ModelSource, recipe: Recipe, engine: EngineName) -> bytes:
    if engine is EngineName.TENSORFLOW:
        model = source.to_tflite(Precision(recipe.scheme.value), per_channel=recipe.per_channel)
        if recipe.scheme is Scheme.DYNAMIC and recipe.per_channel:
            model = share_kernel_scales(model, source.to_tflite(Precision.FLOAT32))
        return attach_metadata(model, source.metadata)
    from edged_models.quantization import ai_edge_engine

    plain = FloatModel.convert(source)
    return plain.finish(ai_edge_engine.quantize_weights(plain.model, recipe, name=source.name))


def _quantize_learned(source: ModelSource, recipe: Recipe, engine: EngineName) -> bytes:
    if engine is not EngineName.TENSORFLOW or recipe.is_mixed:
        raise SourceError(
            f"{source.name} was trained quantisation-aware, and its ranges are TensorFlow's: omit --engine and layers"
        )
    from edged_models.quantization.learned_ranges import quantize_learned_ranges

    model = quantize_learned_ranges(source, recipe.io)
    return attach_metadata(model, source.metadata, source.name)
