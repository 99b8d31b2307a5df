"""Recipes of quantisation with both engines: schemes, mixed precision, operator versions, signatures."""

from collections import Counter
from dataclasses import replace

import cv2
import mixed_head
import numpy as np
import pytest
import tiny

from edged_models.conversion.convert import convert
from edged_models.conversion.flatbuffer import pack_model, unpack_model
from edged_models.conversion.kinds.keras_file import network_source
from edged_models.conversion.kinds.tflite_file import tflite_source
from edged_models.conversion.model_metadata import ModelMetadata
from edged_models.conversion.source import ModelSource, Precision
from edged_models.conversion.tflite_model import parse_model
from edged_models.errors import SourceError
from edged_models.quantization.layers import list_layers, select_layers
from edged_models.quantization.operator_versions import raise_dense_versions
from edged_models.quantization.output_error import OutputReference
from edged_models.quantization.quantize import quantize_by_recipe
from edged_models.quantization.recipe import Recipe, make_recipe
from edged_models.quantization.runtime_trial import RUNTIMES, try_models
from edged_models.quantization.scheme import EngineName, IoType, Rounding, Scheme
from edged_models.quantization.signatures import (
    TEMPORARY_KEY,
    ensure_signature,
    restore_signatures,
)
from edged_models.tensorflow import keras, layers

METADATA = ModelMetadata(mean=(0.0,), std=(255.0,))
PICTURES = tiny.pictures()


@pytest.fixture(scope="module")
def mixed() -> ModelSource:
    return replace(network_source(mixed_head.build(), name="mixed"), metadata=METADATA)


@pytest.fixture(scope="module")
def dense() -> ModelSource:
    """Return a network whose dense layer has channels of very different sizes."""
    keras.utils.set_random_seed(3)
    image = layers.Input((32, 32, 3), batch_size=1)
    x = layers.Conv2D(8, 3, 4, activation="relu")(image)
    x = layers.Conv2DTranspose(8, 3, 2)(layers.DepthwiseConv2D(3)(x))
    net = keras.Model(image, layers.Dense(16)(layers.Flatten()(x)))
    weights, bias = net.layers[-1].get_weights()
    net.layers[-1].set_weights([weights * np.logspace(-1, 0, 16), bias])
    return replace(network_source(net, name="dense"), metadata=METADATA)


def run_recipe(source: ModelSource, recipe: Recipe, engine: EngineName | None = None) -> bytes:
    pictures = PICTURES if recipe.scheme in (Scheme.INT8, Scheme.INT16X8) else ()
    return quantize_by_recipe(source, recipe, calibration=pictures, engine=engine)


def measure_error(source: ModelSource, model: bytes) -> float:
    sample = [
        cv2.resize(picture, (32, 32))[None].astype(np.float32) / 255
        for picture in tiny.pictures(32)[24:]
    ]
    reference = OutputReference.of(source.to_tflite(Precision.FLOAT32), sample)
    return reference.measure(model).error


def count_types(model: bytes) -> Counter[str]:
    parsed = parse_model(model)
    return Counter(f"{op.name} {parsed.tensors[op.outputs[0]].dtype}" for op in parsed.ops)


@pytest.mark.parametrize("engine", EngineName)
@pytest.mark.parametrize("io", IoType)
def test_an_int8_model_has_the_wanted_input_and_outputs(
    dense: ModelSource, engine: EngineName, io: IoType
) -> None:
    content = run_recipe(dense, make_recipe(Scheme.INT8, io), engine)
    model = parse_model(content)
    wanted = {IoType.FLOAT: "FLOAT32"}.get(io, io.value.upper())
    assert [one.dtype for one in model.get_tensors((*model.inputs, *model.outputs))] == [wanted] * 2
    assert measure_error(dense, content) < 0.06
    graph = unpack_model(content).subgraphs[0]
    if io is IoType.UINT8:  # pixels need no conversion
        scaling = graph.tensors[graph.inputs[0]].quantization
        assert (scaling.scale[0], scaling.zeroPoint[0]) == (pytest.approx(1 / 255), 0)


@pytest.mark.parametrize(
    ("scheme", "largest_share", "largest_error"),
    [
        (Scheme.DYNAMIC, 0.5, 0.05),
        (Scheme.FLOAT16, 0.65, 0.001),
        (Scheme.INT4, 0.4, 0.25),
        (Scheme.INT16X8, 0.5, 0.03),
    ],
)
def test_a_float_tflite_is_quantised_to_every_scheme(
    dense: ModelSource, scheme: Scheme, largest_share: float, largest_error: float
) -> None:
    plain = convert(dense)
    source = tflite_source(plain, name="dense")
    recipe = make_recipe(scheme, None)
    first, second = (run_recipe(source, recipe, EngineName.AI_EDGE) for _ in range(2))
    assert first == second, "the same source gives the same bytes"
    assert len(first) < largest_share * len(plain)
    assert 0 < measure_error(dense, first) < largest_error


def test_four_bits_are_for_what_has_a_form_with_them(dense: ModelSource) -> None:
    model = parse_model(run_recipe(dense, make_recipe(Scheme.INT4, None)))
    weights = {op.name: model.tensors[op.inputs[1]].dtype for op in model.ops if len(op.inputs) > 1}
    assert weights["CONV_2D"] == weights["FULLY_CONNECTED"] == "INT4"
    assert weights["DEPTHWISE_CONV_2D"] == "INT8"


@pytest.mark.parametrize("engine", EngineName)
def test_float_layers_save_scores_beside_pixels(mixed: ModelSource, engine: EngineName) -> None:
    names = list_layers(parse_model(mixed.to_tflite(Precision.FLOAT32)))
    kept = select_layers(names, patterns=["join", "Sigmoid"])
    recipe = make_recipe(Scheme.INT8, IoType.UINT8)
    ruined = run_recipe(mixed, recipe, engine)
    saved = run_recipe(mixed, replace(recipe, float_layers=kept), engine)
    assert measure_error(mixed, ruined) > 0.5
    assert measure_error(mixed, saved) < 0.2
    assert len(saved) < 1.15 * len(ruined)
    types = count_types(saved)
    assert types["CONCATENATION FLOAT32"] == 1
    assert types["CONV_2D INT8"] == 4
    for runtime in RUNTIMES:
        (trial,) = try_models([saved], runtime)
        assert trial.problem is None


def test_layers_of_16_bits_save_them_too(mixed: ModelSource) -> None:
    kept = select_layers(
        list_layers(parse_model(mixed.to_tflite(Precision.FLOAT32))), ops=["concatenation"]
    )
    recipe = replace(make_recipe(Scheme.INT8, None), int16_layers=kept)
    content = run_recipe(mixed, recipe)
    assert count_types(content)["CONCATENATION INT16"] == 1
    assert measure_error(mixed, content) < 0.05


@pytest.mark.parametrize("scheme", [Scheme.INT8, Scheme.INT4])
def test_rounding_for_the_least_squares_changes_weights_only(
    dense: ModelSource, scheme: Scheme
) -> None:
    recipe = make_recipe(scheme, None)
    plain, rounded = (
        run_recipe(dense, replace(recipe, rounding=rounding), EngineName.AI_EDGE)
        for rounding in Rounding
    )
    assert plain != rounded
    assert count_types(plain) == count_types(rounded)
    assert measure_error(dense, rounded) < 0.3


def test_the_older_runtime_runs_what_is_made_for_it(dense: ModelSource) -> None:
    recipe = make_recipe(Scheme.DYNAMIC, None)
    newer = run_recipe(dense, recipe)
    older = run_recipe(dense, replace(recipe, older_runtime=True))
    for runtime in RUNTIMES:
        (trial,) = try_models([older], runtime)
        assert trial.problem is None
    (refused,) = try_models([newer], "tflite")
    assert "version '12'" in (refused.problem or "")
    assert measure_error(dense, older) < 0.03
    assert len(older) < 1.1 * len(newer)


def test_ai_edge_quantizers_dense_layers_are_refused_by_the_older_runtime(
    dense: ModelSource,
) -> None:
    content = run_recipe(dense, make_recipe(Scheme.DYNAMIC, None), EngineName.AI_EDGE)
    versions = {op.name: op.version for op in parse_model(content).ops}
    assert versions["FULLY_CONNECTED"] == 12
    (trial,) = try_models([content], "tflite")
    assert trial.problem, "it would compute with the first channel's scale"
    assert raise_dense_versions(content) == content


@pytest.mark.parametrize(
    ("recipe", "engine", "message"),
    [
        (Recipe(scheme=Scheme.INT4, io=IoType.FLOAT), "tensorflow", "no weights of 4 bits"),
        (
            Recipe(scheme=Scheme.INT8, io=IoType.UINT8, rounding=Rounding.MSE),
            "tensorflow",
            "no mse rounding",
        ),
        (
            Recipe(scheme=Scheme.INT8, io=IoType.UINT8, int16_layers=frozenset("a")),
            "tensorflow",
            "cannot mix 8 and 16 bits",
        ),
        (
            Recipe(scheme=Scheme.DYNAMIC, io=IoType.FLOAT, float_layers=frozenset("a")),
            "tensorflow",
            "in int8 models only",
        ),
        (
            Recipe(scheme=Scheme.FLOAT16, io=IoType.FLOAT, int16_layers=frozenset("a")),
            "ai-edge",
            "float16 has none",
        ),
        (
            Recipe(scheme=Scheme.INT4, io=IoType.FLOAT, older_runtime=True),
            "ai-edge",
            "tflite-runtime has no weights of 4 bits",
        ),
    ],
)
def test_what_an_engine_cannot_do_is_refused(
    dense: ModelSource, recipe: Recipe, engine: str, message: str
) -> None:
    with pytest.raises(SourceError, match=message):
        run_recipe(dense, recipe, EngineName(engine))


@pytest.mark.parametrize(
    ("patterns", "ops", "message"),
    [
        (["nothing like it"], [], r"no layer matches 'nothing like it'; the last of \d+ are"),
        (["("], [], "is no regular expression"),
        ([], ["FFT"], "the model has no FFT: it has "),
    ],
)
def test_layers_that_do_not_exist_are_refused(
    mixed: ModelSource, patterns: list[str], ops: list[str], message: str
) -> None:
    every = list_layers(parse_model(mixed.to_tflite(Precision.FLOAT32)))
    with pytest.raises(SourceError, match=message):
        select_layers(every, patterns=patterns, ops=ops)


@pytest.mark.parametrize("engine", EngineName)
def test_signatures_are_kept(mixed: ModelSource, engine: EngineName) -> None:
    signed, _, _ = ensure_signature(mixed.to_tflite(Precision.FLOAT32))
    tree = unpack_model(signed)
    tree.signatureDefs[0].signatureKey = "serving_default"
    source = replace(tflite_source(pack_model(tree), name="signed"), metadata=METADATA)
    quantized = unpack_model(run_recipe(source, make_recipe(Scheme.INT8, None), engine))
    (signature,) = quantized.signatureDefs
    graph = quantized.subgraphs[0]
    assert signature.signatureKey in ("serving_default", b"serving_default")
    assert [one.tensorIndex for one in signature.inputs] == list(graph.inputs)
    assert [one.tensorIndex for one in signature.outputs] == list(graph.outputs)


def test_a_model_without_signatures_gets_none(mixed: ModelSource) -> None:
    unsigned = unpack_model(mixed.to_tflite(Precision.FLOAT32))
    unsigned.signatureDefs = None
    plain = pack_model(unsigned)
    signed, key, name = ensure_signature(plain)
    assert (key, name) == (TEMPORARY_KEY, "image")
    assert not unpack_model(restore_signatures(plain, signed, "mixed")).signatureDefs
    tree = unpack_model(signed)
    tree.signatureDefs[0].signatureKey, tree.signatureDefs[0].subgraphIndex = "train", 1
    with pytest.raises(SourceError, match="its signature train would be lost"):
        restore_signatures(pack_model(tree), plain, "mixed")
