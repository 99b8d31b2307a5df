"""ai-edge-quantizer as an engine. It works on any float .tflite."""

import re
import warnings
from collections.abc import Mapping
from functools import partial
from typing import Any

import numpy as np
from ai_edge_quantizer import algorithm_manager, qtyping, quantizer

from edged_models.conversion.error_summary import summarize_error
from edged_models.conversion.suppress_stderr import suppress_stderr
from edged_models.conversion.tflite_model import TfliteModel, parse_model
from edged_models.errors import SourceError
from edged_models.quantization.layers import list_layers
from edged_models.quantization.operator_versions import raise_dense_versions
from edged_models.quantization.ranges import CalibratedModel, read_ranges
from edged_models.quantization.recipe import Recipe
from edged_models.quantization.scheme import IoType, Rounding, Scheme
from edged_models.quantization.signatures import ensure_signature, restore_signatures

_Op = qtyping.TFLOperationName
_Algorithm = algorithm_manager.AlgorithmName
_Granularity = qtyping.QuantGranularity
_ROUNDED_OPS = (_Op.CONV_2D, _Op.DEPTHWISE_CONV_2D, _Op.CONV_2D_TRANSPOSE, _Op.FULLY_CONNECTED)
"""Ops whose weights the library can round for the least squared error."""
_NEW_DYNAMIC_OPS = (_Op.FULLY_CONNECTED, _Op.CONV_2D_TRANSPOSE)
"""Ops of which tflite-runtime 2.14 has no dynamic form with a scale for each channel."""


def quantize_weights(model: bytes, recipe: Recipe, *, name: str) -> bytes:
    """Quantise the weights of a float .tflite, without pictures.

    Args:
        model: the float .tflite.
        recipe: with a scheme for weights only.
        name: the model's, for messages.

    Raises:
        SourceError: the library cannot quantise the model.
    """
    signed, _, _ = ensure_signature(model)
    engine = quantizer.Quantizer(signed)
    _add_weight_rules(engine, recipe)
    _leave_layers_in_float(engine, model, recipe.float_layers)
    quantized = raise_dense_versions(_run(engine, None, name))
    return restore_signatures(model, quantized, name)


def quantize_activations(calibrated: CalibratedModel, recipe: Recipe) -> bytes:
    """Quantise weights and activations of a calibrated model.

    Raises:
        SourceError: the library cannot quantise the model.
    """
    signed, key, input_name = ensure_signature(calibrated.model)
    engine = quantizer.Quantizer(signed)
    bits = 16 if recipe.scheme is Scheme.INT16X8 else 8
    _add_static_rules(engine, recipe, bits)
    for pattern in _patterns(calibrated.model, recipe.int16_layers):
        engine.add_static_config(pattern, _Op.ALL_SUPPORTED, 16, 8)
        _leave_in_float(engine, pattern, _Op.OUTPUT)
    _leave_layers_in_float(engine, calibrated.model, recipe.float_layers)
    _add_io_rules(engine, recipe, parse_model(calibrated.model))
    statistics = _make_statistics(engine, calibrated, key, input_name)
    quantized = _run(engine, statistics, calibrated.name)
    return restore_signatures(calibrated.model, quantized, calibrated.name)


def _add_weight_rules(engine: quantizer.Quantizer, recipe: Recipe) -> None:
    if recipe.scheme is Scheme.FLOAT16:
        casting = _Algorithm.FLOAT_CASTING
        engine.add_weight_only_config(".*", _Op.ALL_SUPPORTED, 16, algorithm_key=casting)
        return
    bits = 4 if recipe.scheme is Scheme.INT4 else 8
    if bits == 4:  # noqa: PLR2004  # what has no form with 4 bits gets 8
        engine.add_dynamic_config("", _Op.ALL_SUPPORTED, 8)
    engine.add_dynamic_config(".*", _Op.ALL_SUPPORTED, bits)
    if not recipe.per_channel:
        # Convolutions keep their scales: with one scale, the kernel would read beyond it.
        dense = partial(engine.add_dynamic_config, granularity=_Granularity.TENSORWISE)
        dense(".*", _Op.FULLY_CONNECTED, bits)
    if recipe.rounding is Rounding.MSE:
        for op in (_Op.CONV_2D, _Op.FULLY_CONNECTED):
            engine.add_dynamic_config(".*", op, bits, algorithm_key=_Algorithm.MSE)
    if recipe.older_runtime:
        for op in _NEW_DYNAMIC_OPS:
            engine.add_weight_only_config(".*", op, bits)


def _add_static_rules(engine: quantizer.Quantizer, recipe: Recipe, bits: int) -> None:
    scales = _Granularity.CHANNELWISE if recipe.per_channel else _Granularity.TENSORWISE
    add = partial(engine.add_static_config, weight_granularity=scales)
    add(".*", _Op.ALL_SUPPORTED, bits, 8)
    if recipe.rounding is Rounding.MSE:
        for op in _ROUNDED_OPS:
            add(".*", op, bits, 8, algorithm_key=_Algorithm.MSE)


def _leave_layers_in_float(
    engine: quantizer.Quantizer, model: bytes, names: frozenset[str]
) -> None:
    for pattern in _patterns(model, names):
        _leave_in_float(engine, pattern, _Op.ALL_SUPPORTED)


def _add_io_rules(engine: quantizer.Quantizer, recipe: Recipe, model: TfliteModel) -> None:
    kinds = {IoType.UINT8: qtyping.TensorDataType.UINT, IoType.INT8: qtyping.TensorDataType.INT}
    if recipe.io is IoType.FLOAT:
        _leave_in_float(engine, ".*", _Op.INPUT)
    else:
        _set_io_type(engine, _Op.INPUT, kinds[recipe.io])
    if recipe.io is IoType.FLOAT or _has_float_output(model, recipe):
        _leave_in_float(engine, ".*", _Op.OUTPUT)
    else:
        _set_io_type(engine, _Op.OUTPUT, kinds[recipe.io])


def _has_float_output(model: TfliteModel, recipe: Recipe) -> bool:
    """Return whether a float or 16-bit layer, or an op that no engine quantises, computes an output."""
    makers = [one for one in list_layers(model) if one.makes_output]
    kept = recipe.float_layers | recipe.int16_layers
    return len(makers) < len(model.outputs) or any(one.name in kept for one in makers)


def _set_io_type(engine: quantizer.Quantizer, op: _Op, kind: qtyping.TensorDataType) -> None:
    activation = qtyping.TensorQuantizationConfig(num_bits=8, symmetric=False, dtype=kind)
    config = qtyping.OpQuantizationConfig(
        activation_tensor_config=activation,
        weight_tensor_config=qtyping.TensorQuantizationConfig(num_bits=8, symmetric=True),
        compute_precision=qtyping.ComputePrecision.INTEGER,
    )
    engine.update_quantization_recipe(".*", op, config)


def _leave_in_float(engine: quantizer.Quantizer, pattern: str, op: _Op) -> None:
    engine.update_quantization_recipe(pattern, op, None, _Algorithm.NO_QUANTIZE)


def _patterns(model: bytes, names: frozenset[str]) -> list[str]:
    """Return a pattern for each layer. The library searches it in the names of all outputs of an op, joined by ``;``."""
    scopes = {one.name: one.scope for one in list_layers(parse_model(model))}
    return [f"^{re.escape(scopes[name])};?$" for name in sorted(names)]


def _make_statistics(
    engine: quantizer.Quantizer, calibrated: CalibratedModel, key: str, input_name: str
) -> dict[str, Any]:
    """Return the statistics that the library wants, with the ranges of all pictures.

    The library sees one picture, for the form of the statistics. Of several it would take a moving average, which is narrower
    than what occurs.
    """
    pictures = [{input_name: calibrated.sample[0]}]
    statistics = _collect_statistics(engine, {key: pictures}, calibrated.name)
    for tensor, limits in read_ranges(calibrated.with_ranges).items():
        if tensor in statistics:
            _set_range(statistics[tensor], *limits)
    return statistics


def _set_range(statistics: Any, smallest: float, largest: float) -> None:
    for key, value in (("min", smallest), ("max", largest)):
        statistics[key] = np.full_like(statistics[key], value)


def _collect_statistics(engine: quantizer.Quantizer, pictures: Any, name: str) -> dict[str, Any]:
    try:
        with suppress_stderr(), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return engine.calibrate(pictures, num_threads=1)
    except Exception as error:  # the library raises nearly anything
        raise SourceError(f"cannot calibrate {name}: {summarize_error(error)}") from error


def _run(engine: quantizer.Quantizer, statistics: Mapping[str, Any] | None, name: str) -> bytes:
    try:
        with suppress_stderr(), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            result = engine.quantize(statistics, enable_progress_report=False)
    except Exception as error:  # the library raises nearly anything
        raise SourceError(f"cannot quantise {name}: {summarize_error(error)}") from error
    return bytes(result.quantized_model or b"")
